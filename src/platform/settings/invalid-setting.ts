import { FarwatchError, type Problem } from '../../base/index.ts'

/** Settings that cannot be used, all of them at once. */
export function invalidSetting(problems: readonly Problem[]): FarwatchError {
  const [first, ...rest] = problems
  const more = rest.length === 0 ? '' : ` (and ${rest.length} more)`
  return new FarwatchError('invalid-setting', `${first!.path}: ${first!.message}${more}`, {
    hint: first!.hint || 'docs/settings.md lists every setting with what is allowed.',
    problems,
  })
}
