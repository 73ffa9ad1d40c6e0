/**
 * The units a metric may have. Values are stored in exactly this unit; a threshold may be written in any unit of the same
 * quantity (`> 2s` on a metric in `ms`). `''` is a plain number.
 */
export const units = ['', 's', 'ms', 'us', 'B', 'B/s', '%', '/s', 'd', 'Hz', '°C', 'V', 'A', 'W', 'bit/s'] as const
export type Unit = (typeof units)[number]
