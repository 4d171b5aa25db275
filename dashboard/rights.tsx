import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Me, Rights } from "../functions/contracts/api/service-views.ts";
import { getMe } from "./api.ts";
import { ONCE, useLive } from "./live.ts";

const MeContext = createContext<Me | undefined>(undefined);

/** Asks once who looks at the page: what each view offers depends on it. */
export function WithMe({ children }: { readonly children: ComponentChildren }) {
  const { data } = useLive("me", undefined, getMe, ONCE);
  return <MeContext.Provider value={data}>{children}</MeContext.Provider>;
}

const WHAT: Readonly<Record<keyof Rights, string>> = {
  land: "land in",
  cancelOthers: "cancel requests of other callers in",
  priority: "set priorities in",
  operate: "pause, drain or resume",
};

/**
 * Tells why the person who looks may not do something in a queue. Undefined when the person may, and as long as it is not known: the API
 * decides in the end. `owner` asked for the request, and may cancel it.
 */
export function useDenial(queue: string): (right: keyof Rights, owner?: string) => string | undefined {
  const me = useContext(MeContext);
  const rights = me?.queues.find(({ name }) => name === queue)?.rights;
  return (right, owner) => {
    if (me === undefined || rights === undefined || rights[right]) return undefined;
    if (owner !== undefined && owner === me.name) return undefined;
    return `You (${me.name}) may not ${WHAT[right]} ${queue}: access.${right} in queues.yaml names who may.`;
  };
}
