import { need } from "../../adapters/settings.ts";
import { ENV } from "../../contracts/environment.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type Delivery, type Look, type PullMessage, type PullRow, pullsTopic } from "../../contracts/github.ts";
import { meaningOf } from "../../domain/github/meaning.ts";
import { onLambda, type Wire } from "../on-lambda.ts";
import { queueHandler } from "../queue.ts";
import { answer } from "./answer.ts";
import { cancel, cancelIfChanged } from "./cancel.ts";
import { freshRow, land, submit } from "./land.ts";
import { followLanding } from "./landed-elsewhere.ts";
import { recheck } from "./recheck.ts";
import { type Service, serviceOf } from "./service.ts";
import { tell } from "./tell.ts";

/**
 * Consumes what concerns pull requests, one message of a pull request at a time: deliveries of GitHub, and looks at what has become of
 * requests. A message that meets a limit of GitHub waits in the topic.
 */
export const wire: Wire = (env, clients) => {
  const service = serviceOf(env, clients);
  return queueHandler(
    { topic: pullsTopic, clients, deadLetters: need(env, ENV.deadLetters) },
    (message) => handle(service, message),
    {
      waitsOn: need(env, ENV.pullsTopic),
    },
  );
};

export const handler = onLambda(wire);

export async function handle(service: Service, message: PullMessage): Promise<void> {
  if (message.kind === "look") return unlessOutOfReach(service, message, () => looked(service, message));
  const { repository, pull } = message;
  if (service.queuesOf(repository).length === 0) return;
  const row = await service.store.get({ repository, pull });
  return followed(service, row ?? freshRow(repository, pull), message);
}

async function looked(service: Service, { repository, pull, verify, landing }: Look): Promise<void> {
  if (landing !== undefined) return followLanding(service, { repository, pull }, landing);
  const row = await service.store.get({ repository, pull });
  if (row === undefined) return;
  if (service.queuesOf(repository).length === 0) return row.open ? leave(service, row) : undefined;
  if (!verify) return look(service, row);
  await cancelIfChanged(service, row);
  return look(service, (await service.store.get(row)) ?? row);
}

/**
 * Does the work of a look, unless the App is not let in (it was taken off the repository, or its credentials are refused), or a newer release
 * has written the row. The look is then dropped, and not sent to the dead letters: as long as the row is open, `reconcile` has the pull request
 * looked at again, every minute. A landing of a request from elsewhere has no row before the App is let in, and stays untold.
 */
async function unlessOutOfReach(
  service: Service,
  { repository, pull }: Look,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (err) {
    if (!isShutOut(err) && !(err instanceof CodedError && err.code === "store.unreadable")) throw err;
    service.log.warn(
      { repository, pull, err },
      "not looked at: a later look tries again while a request of the pull request is open",
    );
  }
}

const isShutOut = (error: unknown): boolean => error instanceof CodedError && error.code === "config.invalid";

/** A Land that a crash cut off is made up for. */
const look = (service: Service, row: PullRow): Promise<void> =>
  row.open && row.asked !== undefined && row.asked.sqid === undefined ? submit(service, row) : tell(service, row);

/**
 * Shows how a request ends whose queue was taken out of the configuration, as the last one of the repository. When the App has been taken off
 * the repository too, there is nowhere to show that.
 */
async function leave(service: Service, row: PullRow): Promise<void> {
  try {
    await look(service, row);
  } catch (error) {
    if (!isShutOut(error)) throw error;
    service.log.warn({ repository: row.repository, pull: row.pull, err: error }, "no queue, and no way to say so");
    await service.store.put({ ...row, open: false }, service.now());
  }
}

async function followed(service: Service, row: PullRow, delivery: Delivery): Promise<void> {
  const meaning = meaningOf(delivery, service.app);
  switch (meaning.kind) {
    case "nothing":
      return;
    case "land":
      return land(service, row, delivery, meaning);
    case "cancel":
      return cancel(service, row, delivery, meaning.why);
    case "changed":
      return cancelIfChanged(service, row, meaning.by);
    case "reviewed":
      return recheck(service, row, "review");
    case "checked":
      return recheck(service, row, "checks");
    case "answer":
      return answer(service, row, delivery, meaning.command);
  }
}
