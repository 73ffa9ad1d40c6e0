import { expect, test } from 'vitest'
import { candidateSamples } from './candidates.ts'

const params = {
  mounts: { kind: 'list', label: 'Mounts', of: { kind: 'text', label: 'Mount' }, candidates: true },
  path: { kind: 'text', label: 'Path' },
} as const
const mask = (text: string) => text.replaceAll('hunter2', '***')

// What the monitor found, and what is offered
test.each<[string, unknown, readonly string[]]>([
  ['each once, in order', { mounts: ['/b', '/a', '/b'] }, ['/a', '/b']],
  ['no setting that is not to be chosen', { path: ['/x'], other: ['y'] }, []],
  ['no secret', { mounts: ['/hunter2'] }, ['/***']],
  ['nothing that cannot be a value', { mounts: ['', 'a\0b', 5, null, 'x'.repeat(2_000), '/ok'] }, ['/ok']],
  ['nothing of nonsense', 'mounts', []],
  [
    'no more than can be looked through',
    { mounts: Array.from({ length: 3_000 }, (_, i) => `${10_000 + i}`) },
    Array.from({ length: 2_000 }, (_, i) => `${10_000 + i}`),
  ],
])('%s', (_, found, offered) => {
  expect(candidateSamples(params, found, mask)).toEqual(
    offered.map((candidate) => ({ name: 'mounts', labels: { candidate }, value: 1 })),
  )
})
