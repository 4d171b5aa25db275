import { Argument, Command } from "commander";
import { stringify } from "yaml";
import { writePrivately } from "../private-file.ts";
import { below } from "./help-text.ts";
import type { Run } from "./requests.ts";
import { readSettings, SETTING_NAMES, type Setting, type SettingName, Settings, settingsFile } from "./settings.ts";
import { table } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";
import type { Environment } from "./user-directories.ts";

const named = () => new Argument("<name>", "of the setting").choices([...SETTING_NAMES]);

/** A setting for people, who may show their screen to others. */
const shown = (name: SettingName, { value, source }: Setting) => ({
  name,
  value: name === "token" ? "(not shown)" : value,
  source,
});

/** `config show|set|unset`: the settings, and the file that keeps them. */
export function configCommand(run: Run, environment: Environment): Command {
  const file = settingsFile(environment);
  const group = new Command("config")
    .description("the settings of this program: show them, or keep one")
    .addHelpText("after", below(`Kept in ${file}.`));
  // It may hold a token.
  const save = (settings: Settings) =>
    writePrivately(file, Object.keys(settings).length === 0 ? "" : stringify(settings));
  group
    .command("show")
    .description("the settings that hold, and where each comes from")
    .action(() =>
      run(async (session) => {
        const found = SETTING_NAMES.flatMap((name) => {
          const setting = session.settings[name];
          return setting ? [shown(name, setting)] : [];
        });
        const columns = [
          { title: "SETTING" },
          { title: "VALUE", flexible: true },
          { title: "FROM", flexible: true },
        ] as const;
        session.show(found, () =>
          table(
            session.terminal,
            columns,
            found.map(({ name, value, source }) => [name, value, source]),
          ),
        );
        return 0;
      }),
    );
  group
    .command("set")
    .description("keep a setting")
    .addArgument(named())
    .argument("<value>", "what it is")
    .action((name: SettingName, value: string) =>
      run(async (session) => {
        const checked = Settings.shape[name].safeParse(value);
        if (!checked.success) throw new UsageError(`${name} must be ${checked.error.issues[0]?.message}.`);
        save({ ...readSettings(file), [name]: value });
        if (session.json) session.show(shown(name, { value, source: file }), () => "");
        return 0;
      }),
    );
  group
    .command("unset")
    .description("forget a setting")
    .addArgument(named())
    .action((name: SettingName) =>
      run(async (session) => {
        const { [name]: _, ...rest } = readSettings(file);
        save(rest);
        if (session.json) session.show({ name, source: file }, () => "");
        return 0;
      }),
    );
  return group;
}
