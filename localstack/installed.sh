# Says what to do when the packages are not there yet.
[ -d node_modules ] || { echo 'Run npm ci first: it brings the packages and the Node.js that everything runs on.' >&2; exit 1; }
