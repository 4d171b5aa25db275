import type { HistoryEntry, RequestSummary } from "../../functions/contracts/api/request-views.ts";
import type { WhatIf, WhatIfOption } from "../../simulator/what-if.ts";

/** A request that has ended, with all that the log says of it. */
export interface Told {
  readonly request: RequestSummary;
  readonly events: readonly HistoryEntry[];
}

/** From the page to its worker: what would have become of these requests under each of the options? */
export interface Question {
  readonly told: readonly Told[];
  readonly options: readonly WhatIfOption[];
}

/** From the worker to the page, one per option. */
export interface Reply {
  readonly option: WhatIfOption;
  readonly answer: WhatIf;
}
