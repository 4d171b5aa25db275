import type { Delivery, PullRow } from "../../contracts/github.ts";
import { epochMs } from "../../contracts/time.ts";
import { type Command, HELP } from "../../domain/github/command.ts";
import { replyMarker } from "../../domain/github/report.ts";
import { asked, wasRefused } from "./gateway-calls.ts";
import type { Service } from "./service.ts";
import { tell } from "./tell.ts";

type Question = Exclude<Command, { kind: "land" | "cancel" }>;

/** Answers a command that changes nothing: by one comment, or by bringing the status comment up to date. A repeat answers nothing. */
export async function answer(service: Service, row: PullRow, delivery: Delivery, command: Question): Promise<void> {
  const { comment, at = epochMs(0) } = delivery;
  if (comment === undefined) return;
  const { store, now } = service;
  const github = await service.github(row.repository);
  await github.react(comment.id, command.kind === "mistaken" ? "confused" : "eyes");
  if (command.kind === "status" && row.asked?.sqid !== undefined) return tell(service, row, { again: true });
  const marker = replyMarker(`gh-${comment.id}`);
  const body = `${marker}\n${await textFor(service, row, command)}`;
  await github.commentOnce(row.pull, marker, body, at, () => store.spend(row.repository, now()));
}

async function textFor(service: Service, row: PullRow, command: Question): Promise<string> {
  if (command.kind === "help") return `- ${HELP}`;
  if (command.kind === "mistaken") return `${command.problem}.\n\n- ${HELP}`;
  const { asked: wanted } =
    row.asksOn === undefined ? row : ((await service.store.get({ ...row, pull: row.asksOn })) ?? row);
  if (wanted?.sqid === undefined) return "This pull request is in no queue: comment `/land` to land it.";
  const why = await asked(service.gateway.queue(wanted.queue).why(wanted.sqid));
  return wasRefused(why) ? why.refused : `\`${wanted.sqid}\`: ${why.sentence}`;
}
