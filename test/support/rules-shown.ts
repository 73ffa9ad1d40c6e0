import { afterAll, beforeAll, expect, type RunnerTestSuite } from 'vitest'
import { forgetJudgements, notShown } from '../../src/sdk/testing.ts'

// Loaded before every file of the unit tests (vitest.config.ts). What it demands: the tests of a monitor show on data, by `judgedBy`, that each of its
// default rules raises and that each is clear. A new rule without such data fails the file that ought to have it.

beforeAll(forgetJudgements)

// oxlint-disable-next-line no-empty-pattern -- what a hook wants of the runner is read off this pattern: nothing
afterAll(async ({}, file) => {
  const id = /\/src\/monitors\/([a-z0-9.]+)\.test\.ts$/.exec(file.file.filepath)?.[1]
  // Where only some of its tests were asked for, the others cannot show anything.
  if (id === undefined || !isWhole(file)) return
  const { monitors } = await import('../../src/monitors/index.ts')
  const monitor = monitors.find((one) => one.id === id)
  if (monitor !== undefined) expect(notShown(monitor), 'rules that no test shows at work').toEqual([])
})

function isWhole({ tasks }: Pick<RunnerTestSuite, 'tasks'>): boolean {
  return tasks.every((task) => task.mode === 'run' && (task.type !== 'suite' || isWhole(task)))
}
