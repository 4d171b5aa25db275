import { vi } from "vitest";

/**
 * From here on, no call is given up because it takes long: `AbortSignal.timeout` makes signals that abort nothing. For tests of a fake that
 * answers each call, however slow the machine is. Returns what puts the limits back.
 */
export function withoutTimeLimits(): () => void {
  const limits = vi.spyOn(AbortSignal, "timeout").mockImplementation(() => new AbortController().signal);
  return () => void limits.mockRestore();
}
