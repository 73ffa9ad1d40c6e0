export type * from './alarm.ts'
export type * from './assignment.ts'
export type { Discovered, FoundConnector } from './discovery.ts'
export { firstMissing, hasPosition, hasRange, rangesBelow, withRange } from './positions.ts'
export type { Ranges } from './positions.ts'
export { isRun, outcomes } from './outcome.ts'
export type { Outcome, RunOutcome } from './outcome.ts'
export type * from './result.ts'
export {
  isZone,
  MaintenanceClock,
  momentOf,
  occurrenceFrom,
  occurrencesOf,
  readMonthDay,
  readWall,
  readWeekday,
  repetitionOf,
  weekdays,
} from './maintenance.ts'
export type { MaintenanceTimes, MonthDay, Occurrence, Repetition, Weekday } from './maintenance.ts'
export { formatMatcher, matches, parseMatcher } from './matcher.ts'
export type { Matcher, MatcherTerm } from './matcher.ts'
export { isKept, judgesFailed, rowsFor } from './rows.ts'
export { checkRules, conditionsOf, failedMetric, judgedUnit, messagePlaceholders, ownRows, ruleKeys } from './rule.ts'
export type { JudgedMetric, Rule, RuleDocument, RuleHold, RuleSubject } from './rule.ts'
export { compareSeverity, severities, worstSeverity } from './severity.ts'
export type { Severity, SeverityOrClear } from './severity.ts'
export { phaseOf, slotFrom, slotUntil } from './slot.ts'
export type { Slot } from './slot.ts'
export { breaches, describeThreshold, parseThreshold, severityOf } from './threshold.ts'
export type { Condition, Threshold, ThresholdRead } from './threshold.ts'
export { formatAmount, parseAmount, spellingsOf, units } from './unit.ts'
export type { Unit } from './unit.ts'
