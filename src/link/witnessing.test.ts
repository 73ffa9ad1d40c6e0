import { afterEach, expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import { Witnessing } from './witnessing.ts'

/** Server and moment of each call; a minute of them, a tenth of a second at a time. */
class Story {
  readonly clock = new ManualClock()
  readonly calls: (readonly [url: string, at: number])[] = []
  readonly hanging = new Set<string>()
  targets: readonly string[] = ['a', 'b']
  paceMs = 5_000
  readonly witnessing = new Witnessing({
    clock: this.clock,
    random: () => 1,
    targets: () => this.targets,
    paceMs: () => this.paceMs,
    call: async (url, signal) => {
      this.calls.push([url, this.clock.elapsed()])
      if (this.hanging.has(url))
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  })

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  of(url: string): readonly number[] {
    return this.calls.flatMap(([called, at]) => (called === url ? [at] : []))
  }
}

let story: Story
afterEach(() => story.witnessing.stop())

test('each server is called at its pace, and none is held up by one that does not answer', async () => {
  story = new Story()
  story.hanging.add('b')
  story.witnessing.begin()
  await story.pass(16_000)
  expect([story.of('a'), story.of('b')]).toEqual([[1_000, 6_000, 11_000, 16_000], [1_000]])
})

test('what happens is told at once, and never more often than twice in a second', async () => {
  story = new Story()
  story.targets = ['a']
  story.witnessing.begin()
  await story.pass(3_000)
  for (let i = 0; i < 5; i++) {
    story.witnessing.hurry()
    await story.pass(200)
  }
  story.paceMs = 1_700
  await story.pass(3_000)
  expect(story.of('a')).toEqual([1_000, 3_000, 3_500, 4_000, 5_700])
})
