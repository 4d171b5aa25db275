/**
 * A project whose check is a real one and takes milliseconds: each line of a `lib/*.needs` file names a file that must be there and, if
 * it likes, a line that the file must hold.
 */
const check = `#!/bin/sh
status=0
for needs in lib/*.needs; do
  while read -r file line; do
    if [ ! -f "$file" ]; then echo "$needs: there is no $file"; status=1
    elif [ -n "$line" ] && ! grep -qx "$line" "$file"; then echo "$needs: $file has no line $line"; status=1
    fi
  done < "$needs"
done
exit $status
`;

export const CHECK = "sh ./check.sh";

export const PROJECT = {
  "check.sh": check,
  "lib/list": "old\n",
  "lib/old": "1\n",
  "lib/list.needs": "lib/list\nlib/old\n",
};
