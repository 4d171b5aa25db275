interface Described {
  readonly about: string;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Fields of a tally: what became of the requests that ended in some time. */
const TALLY = {
  landed: "How many requests landed.",
  refused: "How many requests were refused.",
  cancelled: "How many requests were cancelled.",
  p50Seconds: "The median time from Land to landed, right to five per cent. Absent when nothing landed.",
  p95Seconds: "The 95th percentile of the same times.",
  builds: "How many builds were started for the requests that ended in this time.",
  buildMinutes: "How long those of the builds took that came to a verdict.",
  passed: "How many of the builds passed.",
  failed: "How many of the builds failed.",
  retried:
    "How many of the builds failed and were repeated: for reasons of infrastructure, or because the failure was not believed.",
  flaky: "How many of the retried builds were flaky: the same tree passed when it was built again.",
  reasons: "How many requests were refused, by the code of the reason.",
};

/** What the document says about the schemas that it names, and about each of their fields. */
export const DESCRIPTIONS: Readonly<Record<string, Described>> = {
  LandBody: {
    about: "What is to be landed, and how.",
    fields: {
      changes: "The changes, lowest first. No change is named twice; together they have at most 60,000 characters.",
      strategy: "How the changes get onto the target branch. Default: the strategy of the queue.",
      targets:
        "The build targets that the changes affect, for a queue whose conflict analyzer is `targets`. Absent: not known, so the request conflicts with every other. An empty list: nothing that is built.",
      priority:
        "A request of a higher priority goes ahead of all that have not started landing. From 0 to the queue's maxPriority. Default: 0.",
      retry: "True: land a commit that was refused as often as the queue lets it within a day. Needs a reason.",
      reason: "Why it should be tried again: kept in the history of the request. Only with retry.",
    },
  },
  CancelBody: {
    about: "Why a request is cancelled.",
    fields: { reason: "Shown to all users who look at the request." },
  },
  ModeBody: {
    about: "Why a queue is paused or drained.",
    fields: { note: "Shown to all users who look at the queue, and to callers who wait." },
  },
  RecheckBody: { about: "An empty object." },
  ResumeBody: { about: "An empty object." },
  RequestSummary: {
    about: "A request to land changes, and where it stands.",
    fields: {
      sqid: "The id of the request.",
      queue: "The queue that the request is in.",
      number: "The number of the request within its queue.",
      status: "Where the request stands.",
      ended: "True once the status is landed, error or cancelled: the status will not change again.",
      reason: "Why the request ended, or is being cancelled.",
      changes: "The changes, lowest first.",
      strategy: "How the changes get onto the target branch.",
      priority: "A request of a higher priority goes ahead.",
      caller: "The name of the caller who asked for it.",
      receivedAt: "When the request was accepted.",
      updatedAt: "When the status last changed.",
      metadata: "Small facts, such as the commit that landed.",
    },
  },
  RequestPage: {
    about: "One page of a list of requests.",
    fields: {
      requests: "Newest first.",
      nextPage: "The value of `page` for the next page of the same list. Absent on the last page.",
    },
  },
  HistoryPage: {
    about: "The history of a request.",
    fields: { sqid: "The id of the request.", events: "The entries of the log, oldest first." },
  },
  HistoryEntry: {
    about: "One entry of the log of a request.",
    fields: {
      id: "The id of the entry, unique in its queue.",
      at: "When it happened.",
      kind: "status: the status of the request changed. event: something happened that left the status alone.",
      status: "The new status. Set when kind is status.",
      event: "What happened. Set when kind is event.",
      reason: "Why it happened.",
      metadata: "Small facts, such as the address of a build.",
    },
  },
  Why: {
    about: "Why a request has its status.",
    fields: {
      sqid: "The id of the request.",
      status: "Where the request stands.",
      ended: "True once the status will not change again.",
      caller: "The name of the caller who asked for it.",
      blocker: "What keeps the request from landing, when that is known.",
      on: "The requests in the way.",
      since: "Since when it has been so.",
      builds:
        "Of a request that has ended, the builds that decided its end; of any other request, all its builds so far. Oldest first.",
      sentence: "The same for people: what the request waits for, or why it ended.",
      estimateSeconds:
        "How long it will probably take until the request lands. Absent when that can't be told: when it has ended, when the queue has not landed enough, while the queue is paused or the target branch fails, and with the blockers review, repository, host and failure.",
    },
  },
  BuildOutcome: {
    about:
      "passed and failed are verdicts. retried: the build failed, and did not count. stopped: no batch needed the build any more. unfinished: the build runs, or its end was not told.",
  },
  QueueView: {
    about: "A queue: how it is configured, and how it runs.",
    fields: {
      name: "The name of the queue.",
      repository: "The repository that the queue lands in.",
      branch: "The branch that the queue lands onto.",
      strategy: "How changes get onto the branch, unless a request says otherwise.",
      mode: "How the queue runs.",
      since: "Since when it runs like this. Absent when it never ran otherwise.",
      note: "What was said when the queue was paused or drained.",
      modeBy: "The name of the caller who paused, drained or resumed it last.",
    },
  },
  PriorityBody: {
    about: "Another priority for a request.",
    fields: {
      priority: "From 0 to the queue's maxPriority.",
      reason: "Kept in the history of the request.",
    },
  },
  QueueNow: {
    about: "A queue, and the requests that it holds.",
    fields: {
      name: "The name of the queue.",
      repository: "The repository that the queue lands in.",
      branch: "The branch that the queue lands onto.",
      strategy: "How changes get onto the branch, unless a request says otherwise.",
      mode: "How the queue runs.",
      since: "Since when it runs like this. Absent when it never ran otherwise.",
      note: "What was said when the queue was paused or drained.",
      modeBy: "The name of the caller who paused, drained or resumed it last.",
      red: "Set while the target branch fails by itself: nothing lands but a request whose build passes.",
      flakes:
        "The last 50 tests, or checks, that failed and passed on the same tree: how many builds of how many requests failed for each. The one seen last first.",
      budget: "How many builds may run at once.",
      counts:
        "The requests that have not ended. building: a build of the request runs. landing: the request has passed and is being landed. waiting: neither.",
      ended: "How many requests ended in the last hour, and in the last 24 hours of the clock.",
      timeToLand: "From Land to landed, in the last 24 hours of the clock; right to five per cent.",
      buildsRunning: "How many builds run. A build that several requests share is one build.",
      load: "What the budget should be measured by: how many requests the queue took in the last hour, and how long a build took in the mean of the last 24 hours of the clock.",
      requests: "The requests in flight, in the order of the queue. At most 1,000.",
      more: "True when there are more.",
      unreadable:
        "How many entries of the queue are left out here, because a newer release wrote them: deploy that release again. Absent when none is.",
      recent: "The last 20 requests that ended, latest first.",
    },
  },
  QueuedRequest: {
    about: "A request in flight.",
    fields: {
      sqid: "The id of the request.",
      number: "The number of the request within its queue.",
      status: "Where the request stands.",
      priority: "A request of a higher priority goes ahead.",
      author: "The e-mail address of the author of its first commit. Absent until the changes were read.",
      title: "The subject of its last commit. Absent until the changes were read.",
      changes: "The changes, lowest first.",
      caller: "The name of the caller who asked for it.",
      receivedAt: "When the request was accepted.",
      updatedAt: "When the status last changed.",
      blocker: "What keeps the request from landing, when that is known.",
      on: "The requests in the way.",
      sentence: "What the request waits for, for people.",
      estimateSeconds:
        "How long it will probably take until the request lands. Absent when that can't be told, as in the answer about why a request waits.",
      builds:
        "Its last builds, at most 20, oldest first. base: the requests that a build is built on. bundledWith: the requests that share it.",
    },
  },
  EndedRequest: {
    about: "A request that has ended.",
    fields: {
      sqid: "The id of the request.",
      number: "The number of the request within its queue.",
      status: "How it ended.",
      reason: "Why it ended.",
      endedAt: "When it ended.",
      commit: "The commit that landed.",
      title: "The subject of its last commit. Absent when the changes were not read.",
    },
  },
  BuildState: {
    about: "stopped: no batch needed the build any more. retried: the build failed, and the request is built again.",
  },
  Trial: {
    about: "A Land that lands nothing: would the changes be admitted, and do they merge?",
    fields: {
      id: "The id of the question.",
      queue: "The queue that it is about.",
      state: "waiting: not answered yet. failed: it could not be found out.",
      sentence: "The answer for people.",
      askedAt: "When it was asked.",
      expiresAt: "When it is forgotten.",
      changes: "The changes, lowest first.",
      strategy: "How the changes would get onto the target branch.",
      mergeable:
        "True when a request of the changes would be admitted and they merge onto `trunk`. Absent until it is answered.",
      waits: "What a request would wait for before it is built, such as a review. Absent when nothing is missing.",
      trunk: "The commit of the target branch that the changes were merged onto.",
      reason: "Why a request would be refused.",
      conflicts: "The paths in conflict, of a merge conflict: the first 50.",
      touches: "What the changes touch, when they could be read.",
    },
  },
  Touched: {
    about: "What changes touch.",
    fields: {
      files: "How many files.",
      additions: "How many lines are added.",
      deletions: "How many lines are deleted.",
      paths: "The first 50 paths. Absent when there are too many to read.",
    },
  },
  Preflight: {
    about: "Whether a queue can build.",
    fields: {
      id: "The id of the question.",
      queue: "The queue that it is about.",
      state: "waiting: not answered yet. failed: it could not be found out.",
      sentence: "The answer for people.",
      askedAt: "When it was asked.",
      expiresAt: "When it is forgotten.",
      canBuild:
        "False when a finding is a problem: then no request of the queue can be built. Absent until it is answered.",
      findings: "What was found out, such as each check that builds wait for. Empty where builds alone tell.",
    },
  },
  Finding: {
    about: "One thing that was found out.",
    fields: {
      kind: "unknown: it could not be found out.",
      sentence: "What was found out; of a problem, what to do.",
    },
  },
  Me: {
    about: "Who makes the call.",
    fields: {
      kind: "How the API knows the caller. anonymous: the API does not ask callers who they are.",
      name: "The name of the caller: the ARN of an IAM user or session, the subject of a token, or the name of a token.",
      groups: "The groups that the caller's token names.",
      queues: "What the caller may do, by queue.",
    },
  },
  Rights: {
    about: "What a caller may do in a queue.",
    fields: {
      land: "Land changes, and cancel requests of their own.",
      cancelOthers: "Cancel every request.",
      priority: "Land with a priority above 0, and change priorities.",
      operate: "Pause, drain and resume.",
    },
  },
  Trends: {
    about: "What became of the requests of a queue.",
    fields: {
      queue: "The queue.",
      by: "How long a bucket is.",
      buckets: "The last 48 hours, 30 days or 4 weeks (from Monday to Sunday, UTC), oldest first.",
      total: "All of them together.",
      flakes: "The last 50 flaky tests or checks, whenever they were seen. The one seen last first.",
    },
  },
  TrendBucket: {
    about: "What became of the requests that ended in an hour, a day or a week.",
    fields: {
      start: "When it began.",
      ...TALLY,
    },
  },
  Tally: {
    about: "What became of the requests that ended in some time.",
    fields: {
      ...TALLY,
    },
  },
  Links: { about: "Where the API leads on.", fields: { links: "Addresses, by what is there." } },
  QueueList: { about: "All queues.", fields: { queues: "In the order of the configuration." } },
  Ping: {
    about: "A sign of life.",
    fields: { service: "Always gateway.", version: "The version that is deployed.", time: "The clock of the service." },
  },
  Problem: {
    about: "What is wrong with a call (RFC 9457).",
    fields: {
      type: "A URN that ends in the code.",
      title: "The code for people.",
      status: "The HTTP status.",
      code: "What is wrong, for programs. A code never changes its meaning.",
      detail: "What happened, and what to do.",
      instance: "The path of the call.",
      errors:
        "Everything that is wrong with the input. `at` is a JSON pointer into the body, or the name of a parameter or header.",
    },
  },
  Timestamp: { about: "A moment in UTC with milliseconds, such as 2026-11-26T09:30:00.000Z." },
  ChangeUri: {
    about:
      "A change, pinned to a commit: git://<host>/<repo>/<percent-encoded ref>/<commit>, github://<host>/<owner>/<repo>/pull/<n>/<commit> or phab://<host>/D<revision>/<diff>. Only this form is accepted.",
  },
  QueueName: { about: "The name of a queue." },
  RequestNumber: { about: "The number of a request within its queue: from 1, unique, with gaps." },
  Sqid: { about: "The id of a request: <queue>/<n>." },
  QuestionId: { about: "The id of a trial or a preflight: 32 hex digits." },
  GitSha: { about: "A commit: 40 hex digits." },
  BuildKey: { about: "The id of one attempt at a build." },
  Status: {
    about:
      "Where a request stands, in the order of its life. landed, error and cancelled are ends. A request may skip statuses.",
  },
  Happening: { about: "Something that can happen to a request any number of times without becoming its status." },
  Blocker: {
    about:
      "dependency: requests ahead are undecided. budget: no build slot is free. pause: the queue is paused. missing-path: what to build the request on is not clear before more of the requests ahead are decided. failure: a build of the request failed, and it is not known before the requests ahead are decided which of them is at fault. probation: one of the request's own builds has to pass first. repository: the repository does not answer. review, checks: the review, or the checks, of a pull request are not there yet. host: the repository's host refuses the queue's push. trunk.red: the target branch itself fails. trunk.unproven: the target branch itself is being built.",
  },
  Metadata: { about: "Small facts by name: batch_id, build_url, commit and others." },
  Reason: {
    about: "Why something ended.",
    fields: {
      code: "For programs. A code never changes its meaning.",
      message: "For people: what happened, and what to do.",
    },
  },
  Priority: { about: "From 0, the default, to 100." },
  QueueMode: {
    about:
      "open: as configured. paused: nothing new lands, and building goes on. draining: no new request is taken, and the requests that are there land.",
  },
  MergeStrategy: {
    about:
      "REBASE picks each commit of a change. SQUASH_REBASE makes one commit per change. MERGE makes a merge commit per change. PROMOTE fast-forwards the branch to the change, and takes exactly one.",
  },
};
