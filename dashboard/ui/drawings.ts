/** Each is a drawing on a square of 16 by 16, in the colour of the text around it. */
export const DRAWINGS = {
  accepted: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11",
  waiting: "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3",
  building: "M13.5 8A5.5 5.5 0 1 1 8 2.5",
  passed: "M3.5 8.5l3 3l6-7",
  landing: "M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10",
  landed: "M8 1.8a6.2 6.2 0 1 0 0 12.4a6.2 6.2 0 0 0 0-12.4M5.2 8.2l2 2l3.7-4.2",
  refused: "M8 1.8a6.2 6.2 0 1 0 0 12.4a6.2 6.2 0 0 0 0-12.4M5.7 5.7l4.6 4.6M10.3 5.7l-4.6 4.6",
  cancelled: "M8 1.8a6.2 6.2 0 1 0 0 12.4a6.2 6.2 0 0 0 0-12.4M5 8h6",
  failed: "M4 4l8 8M12 4l-8 8",
  retried: "M12.5 5.5A5 5 0 1 0 13 8M13 2.5v3h-3",
  paused: "M5.5 3.5v9M10.5 3.5v9",
  draining: "M3 4h10M5 8h6M7 12h2",
  play: "M5 3.5v9l7-4.5z",
  person: "M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8M3 13.5c.6-2.6 2.5-4 5-4s4.400 1.400 5 4",
  search: "M7 2.500a4.500 4.500 0 1 0 0 9a4.500 4.500 0 0 0 0-9M10.300 10.300l3.200 3.200",
  offline: "M8 2l6.500 11.500h-13zM8 6.500v3M8 11.500v.2",
  commit: "M8 5.300a2.700 2.700 0 1 0 0 5.400a2.700 2.700 0 0 0 0-5.400M1 8h4.300M10.700 8H15",
  out: "M6 3.500H3.500v9h9V10M9 3h4v4M13 3L7.500 8.500",
  up: "M8 13V3.500M4 7l4-4l4 4",
  dots: "M3.500 8h.1M8 8h.1M12.500 8h.1",
} as const;
export type IconName = keyof typeof DRAWINGS;
