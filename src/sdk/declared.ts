import type { Checked, Problem } from '../base/index.ts'
import { checkSettings, type Params } from './params.ts'

/** The part of a monitor or connector that says what its settings are. */
interface Declared {
  readonly settings: Params
  check?(settings: Readonly<Record<string, unknown>>, path: string): readonly Problem[]
}

/**
 * Checks what a user gave against a monitor or connector completely: each setting by itself, then what they are together.
 * @returns the settings as code sees them, defaults applied; or all problems, with paths below `path`
 */
export function checkDeclared(
  declared: Declared,
  given: unknown,
  path: string,
): Checked<Readonly<Record<string, unknown>>> {
  const alone = checkSettings(declared.settings, given, path)
  if (!alone.ok || declared.check === undefined) return alone
  const problems = declared.check(alone.value, path)
  return problems.length === 0 ? alone : { ok: false, problems }
}
