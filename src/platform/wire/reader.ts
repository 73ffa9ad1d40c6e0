import type { Static, TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { FarwatchError, type Problem } from '../../base/index.ts'

/** Checks what came in. @throws FarwatchError `bad-request` with what is wrong and where */
export function reader<T extends TSchema>(schema: T, what: string): (given: unknown) => Static<T> {
  // With the first message and not with the import: there are dozens, and each takes a millisecond of every start.
  let check: Validator | undefined
  return (given) => {
    check ??= Compile(schema)
    if (check.Check(given)) return given as Static<T>
    const problems: Problem[] = check
      .Errors(given)
      .slice(0, 20)
      .map(({ instancePath, message }) => ({ path: instancePath.slice(0, 300), message }))
    const first = problems[0]
    throw new FarwatchError('bad-request', `${what} is malformed: ${first?.path || 'it'} ${first?.message ?? ''}`, {
      hint: 'Check that both sides have versions that go together.',
      problems,
    })
  }
}
