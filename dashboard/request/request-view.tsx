import type { HistoryPage, RequestSummary, Why } from "../../functions/contracts/api/request-views.ts";
import { CallFailed, getHistory, getQueue, getRequest, getWhy, historyBeyond } from "../api.ts";
import type { BuildNow, RequestNow } from "../contract.ts";
import { useLive } from "../live.ts";
import { buildStateOf } from "../queue/build-chip.tsx";
import { baseLabel, numberOf, phaseOf } from "../queue/phase.ts";
import { endOf } from "../queue/recent.tsx";
import { queuePath, requestPath } from "../routes.ts";
import { Icon } from "../ui/icon.tsx";
import { Link } from "../ui/link.tsx";
import { Failed, Loading, Stale } from "../ui/states.tsx";
import { Ago, Clock, For, localTime } from "../ui/time.tsx";
import { followable, nameOf, roughly, shownChange, span } from "../words.ts";
import { RequestActions } from "./actions.tsx";
import { type BuildStory, buildsIn, momentsOf } from "./timeline.ts";

interface Loaded {
  readonly request: RequestSummary;
  readonly history: HistoryPage;
  readonly why: Why;
  /** As the queue shows it; undefined once it has left the queue. */
  readonly now: RequestNow | undefined;
}

async function load(queue: string, number: number, signal: AbortSignal): Promise<Loaded> {
  const [request, history, why] = await Promise.all([
    getRequest(queue, number, signal),
    getHistory(queue, number, signal),
    getWhy(queue, number, signal),
  ]);
  return { request, history, why, now: request.ended ? undefined : await inQueue(queue, number, signal) };
}

/** A request as its queue shows it. Undefined once it has left the queue, and when the queue was taken out of the configuration. */
async function inQueue(queue: string, number: number, signal: AbortSignal): Promise<RequestNow | undefined> {
  try {
    return (await getQueue(queue, signal)).requests.find((one) => one.number === number);
  } catch (error) {
    if (error instanceof CallFailed && error.status === 404) return undefined;
    throw error;
  }
}

/** One request: where it stands and why, its builds, and all that happened to it. */
export function RequestView({ queue, number }: { readonly queue: string; readonly number: number }) {
  const { data, error, refresh } = useLive(
    `request ${queue}/${number}`,
    queue,
    (signal) => load(queue, number, signal),
    {
      isOver: ({ request }) => request.ended,
      awaitNews: ({ history }, signal) => historyBeyond(queue, number, history.events.length, signal),
    },
  );
  if (data === undefined)
    return error === undefined ? <Loading what={`request ${number}`} /> : <Failed error={error} retry={refresh} />;
  const { request, history, why, now } = data;
  return (
    <article class="request">
      <Stale error={error} />
      <p class="crumbs">
        <Link to={queuePath(queue)}>{queue}</Link> / <span>#{number}</span>
      </p>
      <div class="title-line">
        <h1>
          <span class="number">#{number}</span> {titleOf(request, now)}
        </h1>
        {request.ended ? null : <RequestActions queue={queue} request={request} done={refresh} />}
      </div>
      <Verdict data={data} />
      <div class="columns">
        <div>
          <section aria-labelledby="builds">
            <h2 id="builds">Builds</h2>
            <Builds builds={buildsIn(history.events, request.ended)} now={now} />
          </section>
          <section aria-labelledby="timeline">
            <h2 id="timeline">Timeline</h2>
            <Timeline history={history} />
          </section>
        </div>
        <Details request={request} now={now} why={why} />
      </div>
    </article>
  );
}

const metadataText = ({ metadata }: RequestSummary, key: string): string | undefined =>
  metadata[key] === undefined ? undefined : String(metadata[key]);

const titleOf = (request: RequestSummary, now: RequestNow | undefined): string =>
  nameOf({ title: now?.title ?? metadataText(request, "title"), changes: request.changes });

/** Where it stands, in one coloured box. */
function Verdict({ data: { request, why, now } }: { readonly data: Loaded }) {
  const { status, ended, receivedAt, updatedAt } = request;
  const builds = now?.builds ?? [];
  const { phase, icon, word } = phaseOf({
    status,
    builds,
    ...(why.blocker === undefined ? {} : { blocker: why.blocker }),
  });
  const end = endOf(status);
  const estimate = now?.estimateSeconds;
  return (
    <div class={`verdict ${ended ? `end-${end.word}` : phase}`}>
      <p class="verdict-word">
        <Icon name={ended ? end.icon : icon} /> {ended ? end.word : word}
        <span class="verdict-time">
          {ended ? (
            <>
              <Ago at={updatedAt} />, after {span((Date.parse(updatedAt) - Date.parse(receivedAt)) / 1_000)}
            </>
          ) : estimate === undefined ? (
            <>
              for <For since={receivedAt} />
            </>
          ) : (
            <>about {roughly(estimate)} left</>
          )}
        </span>
      </p>
      <p class="verdict-why">{why.sentence}</p>
      {why.on === undefined || ended ? null : (
        <p class="verdict-on">
          In the way:{" "}
          {why.on.map((sqid) => (
            <Link key={sqid} to={requestPath(request.queue, numberOf(sqid))}>
              #{numberOf(sqid)}
            </Link>
          ))}
        </p>
      )}
    </div>
  );
}

function Builds({ builds, now }: { readonly builds: readonly BuildStory[]; readonly now: RequestNow | undefined }) {
  if (builds.length === 0) return <p class="hint">No build was started yet.</p>;
  const baseOf = new Map<string, BuildNow>(now?.builds.map((build) => [build.buildKey, build]));
  return (
    <ol class="build-list">
      {builds.map((build) => {
        const { icon, word } = buildStateOf(build.state);
        const link = followable(build.url);
        const shown = baseOf.get(build.buildKey);
        return (
          <li key={build.buildKey} class={`build build-${build.state}`}>
            <span class="state">
              <Icon name={icon} /> {build.counts ? word : `${word}, no longer counts`}
            </span>
            <span class="build-on">{shown === undefined ? "" : `on ${baseLabel(shown)}`}</span>
            <span class="build-time">
              {build.endedAt === undefined ? (
                build.state === "running" ? (
                  <Clock since={build.startedAt} />
                ) : (
                  ""
                )
              ) : (
                span((Date.parse(build.endedAt) - Date.parse(build.startedAt)) / 1_000)
              )}
            </span>
            {link === undefined ? (
              <span />
            ) : (
              <a href={link} target="_blank" rel="noreferrer noopener">
                Log <Icon name="out" />
              </a>
            )}
            {build.reason === undefined ? null : <pre class="build-reason">{build.reason}</pre>}
          </li>
        );
      })}
    </ol>
  );
}

const Timeline = ({ history }: { readonly history: HistoryPage }) => (
  <ol class="timeline">
    {momentsOf(history.events).map(({ id, at, icon, tone, text, detail, by, url }) => {
      const link = followable(url);
      return (
        <li key={id} class={`moment tone-${tone}`}>
          <Icon name={icon} />
          <p>
            {text}
            {by === undefined ? null : <span class="by"> by {by}</span>}
            {link === undefined ? null : (
              <>
                {" "}
                <a href={link} target="_blank" rel="noreferrer noopener">
                  log
                </a>
              </>
            )}
          </p>
          <time dateTime={at} title={localTime(at)}>
            {new Date(at).toLocaleTimeString()}
          </time>
          {detail === undefined ? null : <pre class="moment-detail">{detail}</pre>}
        </li>
      );
    })}
  </ol>
);

interface DetailsProps {
  readonly request: RequestSummary;
  readonly now: RequestNow | undefined;
  readonly why: Why;
}

function Details({ request, now }: DetailsProps) {
  const { changes, strategy, priority, receivedAt } = request;
  const author = now?.author ?? metadataText(request, "author");
  const caller = now?.caller ?? (request as { readonly caller?: string }).caller ?? metadataText(request, "caller");
  const commit = metadataText(request, "commit");
  return (
    <aside class="details" aria-label="Details">
      <h2>{changes.length === 1 ? "Change" : `${changes.length} changes, lowest first`}</h2>
      <ol class="changes">
        {changes.map((uri) => {
          const { label, repository, commit: pinned, link } = shownChange(uri);
          return (
            <li key={uri} title={uri}>
              {link === undefined ? <b>{label}</b> : <a href={link}>{label}</a>}
              <span>
                {repository} <code>{pinned}</code>
              </span>
            </li>
          );
        })}
      </ol>
      <dl class="facts-list">
        <Fact
          name="Landed as"
          value={request.status === "landed" && commit !== undefined ? <code>{commit}</code> : undefined}
        />
        <Fact name="Author" value={author} />
        <Fact name="Asked by" value={caller} />
        <Fact name="Asked" value={<Ago at={receivedAt} />} />
        <Fact name="Strategy" value={strategy.toLowerCase().replaceAll("_", " and ")} />
        <Fact name="Priority" value={String(priority)} />
      </dl>
    </aside>
  );
}

const Fact = ({ name, value }: { readonly name: string; readonly value: preact.ComponentChildren }) =>
  value === undefined || value === "" ? null : (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
