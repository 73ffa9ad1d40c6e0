import { at, formatDuration, type Problem } from '../base/index.ts'

/**
 * Rows of a surveillance table in the words of Pro.Monitor, whose users know them so: one `threshold` (0: none) with its `severity`, a
 * `duration` in minutes, an `alarmTag`, `active`, `autoClear`. They are put into our own words before anything else looks at the row.
 */

type Row = Readonly<Record<string, unknown>>
type Report = (problem: Problem) => void

export const knownRowKeys = ['active', 'threshold', 'severity', 'duration', 'autoClear', 'alarmTag'] as const

const ours: Readonly<Record<string, string>> = {
  threshold: 'thresholds',
  severity: 'thresholds',
  duration: 'for',
  alarmTag: 'message',
}

/** Whether a row is switched off, which is the same as not being there. */
export function isInactive(row: unknown): boolean {
  return typeof row === 'object' && row !== null && 'active' in row && row.active === false
}

/** The row in our own words; what has none is reported, by the word that was written. Rows without such words come back as they are. */
export function inOwnWords(row: Row, path: string, report: Report): Row {
  if (knownRowKeys.every((key) => row[key] === undefined)) return row
  const rest = Object.fromEntries(Object.entries(row).filter(([key]) => !knownRowKeys.some((known) => known === key)))
  const own: Record<string, unknown> = { ...rest }
  const { active, threshold, severity, duration, autoClear, alarmTag } = row
  const fail = (key: string, message: string, hint?: string) =>
    report({ path: at(path, key), message, ...(hint === undefined ? {} : { hint }) })
  for (const [known, mine] of Object.entries(ours)) {
    if (row[known] !== undefined && rest[mine] !== undefined)
      fail(known, `says the same as "${mine}", which is there as well; one of them is enough`)
  }
  if (active !== undefined && typeof active !== 'boolean') fail('active', `must be true or false, not ${said(active)}`)
  if (autoClear !== undefined && autoClear !== true)
    fail(
      'autoClear',
      'cannot be off: an alarm ends when its problem is over',
      'Leave it out; "clear: { after: 5 }" holds an alarm open for some good runs. People acknowledge what is to be kept in sight.',
    )
  if (duration !== undefined) {
    if (typeof duration === 'number' && duration >= 0) {
      if (duration > 0) own['for'] ??= formatDuration(Math.round(duration * 60_000))
    } else if (typeof duration === 'string') own['for'] ??= duration
    else fail('duration', `must be minutes, not ${said(duration)}`, 'Such as 5, or "5m".')
  }
  if (alarmTag !== undefined) {
    if (typeof alarmTag !== 'string') fail('alarmTag', `must be a text, not ${said(alarmTag)}`)
    // Without its place a tag stands before what is said.
    else if (alarmTag.trim() !== '') own['message'] ??= alarmTag.includes('%') ? alarmTag : `${alarmTag.trim()} %MSG%`
  }
  if (threshold !== undefined || severity !== undefined) {
    const limit = typeof threshold === 'number' ? String(threshold) : threshold
    if (threshold === undefined) fail('severity', 'has no threshold beside it', 'Such as "threshold: 80".')
    else if (typeof limit !== 'string') fail('threshold', `must be a threshold, not ${said(threshold)}`, 'Such as 80.')
    else if (Number(limit) !== 0) {
      const isSteps = /^\s*[A-Z]2[A-Z]:/i.test(limit)
      if (isSteps && severity !== undefined)
        fail('severity', 'has no place here: the steps of the threshold say the severities themselves')
      else if (isSteps) own['thresholds'] ??= limit
      else if (typeof severity !== 'string')
        fail('threshold', 'has no severity beside it', 'Such as "severity: MAJOR".')
      else own['thresholds'] ??= { [severity]: /^\s*[-+]?\d/.test(limit) ? `> ${limit.trim()}` : limit }
    } else if (rest['thresholds'] === undefined && rest['noData'] === undefined) {
      // A threshold of 0 is none, and a row without any only shapes what is shown.
      own['alarm'] ??= false
    }
  }
  return own
}

function said(value: unknown): string {
  return typeof value === 'object' ? 'a list or an object' : JSON.stringify(value)
}
