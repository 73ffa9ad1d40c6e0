import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ConfigurationDocument } from '../contract/index.ts'
import { openTestInventory, type TestInventory } from './testing.ts'

// One database for all runs: each begins with a document applied with prune, which leaves nothing of the run before.
let opened: TestInventory

beforeAll(async () => {
  opened = await openTestInventory()
})
afterAll(() => opened[Symbol.asyncDispose]())

const by = { author: 'ann' }

const anyName = fc.oneof(
  fc.constantFrom('a', 'b', 'web', 'Web', 'toString', '日本', 'é', '{}'),
  fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme-ascii' }).filter((name) => name.trim() === name),
)
const text = fc.constantFrom('', 'x', 'two words')
const named = <T>(object: (name: string) => fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> =>
  fc
    // A group may not be called `*`, which stands for all of them where somebody is granted a role.
    .uniqueArray(
      anyName.filter((name) => name !== '*'),
      { maxLength, size: 'max', selector: (name) => name.normalize('NFC') },
    )
    .chain((names) => fc.tuple(...names.map(object)))

const monitorOf = (type: string) => (type === 'http' ? 'http.response' : 'tcp.port')

const profilesArbitrary = named(
  (name) =>
    fc.constantFrom('http', 'tcp').chain((connector) =>
      fc.record({
        name: fc.constant(name),
        connector: fc.constant(connector),
        description: text,
        monitors: named(
          (monitor) =>
            fc.record(
              {
                name: fc.constant(monitor),
                monitor: fc.constant(monitorOf(connector)),
                period: fc.constantFrom('10s', '1m', '1h'),
                settings: fc.constant({}),
                rules: fc.constantFrom(
                  [],
                  [{ metric: 'failed', thresholds: { MAJOR: '> 0' } }],
                  [{ metric: 'failed', thresholds: 'G2W:0 W2M:1' }],
                ),
              },
              { requiredKeys: ['name', 'monitor'] },
            ),
          3,
        ),
      }),
    ),
  4,
)

/** Random documents whose references all hold. */
const documents: fc.Arbitrary<ConfigurationDocument> = profilesArbitrary.chain((profiles) => {
  const fitting = (type: string) => profiles.filter((one) => one.connector === type).map(({ name }) => name)
  const groups = named(
    (name) =>
      named(
        (credential) =>
          fc.record({
            name: fc.constant(credential),
            type: fc.constant('basic'),
            username: fc.constantFrom('u', 'v'),
            secret: fc.record({ value: fc.constantFrom('s1', 's2') }),
          }),
        2,
      ).chain((credentials) =>
        fc.record({
          name: fc.constant(name),
          whenCutOff: fc.constantFrom('available' as const, 'exclusive' as const),
          credentials: fc.constant(credentials),
          systems: named(
            (system) =>
              fc.record({
                name: fc.constant(system),
                type: fc.constantFrom('', 'web'),
                tags: fc.dictionary(fc.constantFrom('env', 'é', 'tier'), text, { maxKeys: 2, noNullPrototype: true }),
                connectors: named(
                  (connector) =>
                    fc.constantFrom('http', 'tcp').chain((type) =>
                      fc.record(
                        {
                          name: fc.constant(connector),
                          type: fc.constant(type),
                          settings: fc.constant(
                            type === 'http'
                              ? { url: 'http://h/', headers: { b: '1', a: '2' } }
                              : { port: 1, host: 'h' },
                          ),
                          profiles: fc.subarray(fitting(type)),
                          pin: fc.constantFrom('north-1', 'local'),
                          ...(type === 'http' && credentials.length > 0
                            ? { credential: fc.constantFrom(...credentials.map((one) => one.name)) }
                            : {}),
                        },
                        { requiredKeys: ['name', 'type', 'settings'] },
                      ),
                    ),
                  3,
                ),
              }),
            3,
          ),
        }),
      ),
    3,
  )
  return groups.chain((list) =>
    fc.record({
      profiles: fc.constant(profiles),
      groups: fc.constant(list),
      associations: fc
        .subarray(list.map(({ name }) => name))
        .map((some) => some.map((group) => ({ group, agents: ['local', 'b'] }))),
      plugins: named(
        (name) =>
          fc.record({
            name: fc.constant(name),
            plugin: fc.constant('webhook'),
            settings: fc.record({ url: fc.constant('http://h/'), signingKey: fc.constantFrom('k1', { value: 'k2' }) }),
            sends: fc.constantFrom([], ['alarms' as const]),
          }),
        2,
      ),
    }),
  )
})

test('applying twice changes nothing, and what is exported can be put back with prune', async () => {
  await fc.assert(
    fc.asyncProperty(documents, async (document) => {
      const { inventory } = opened
      await inventory.apply(document, { ...by, prune: true })
      const seen = [
        await inventory.apply(document, by),
        await inventory.apply(document, { ...by, prune: true }),
        await inventory.apply(inventory.document(), { ...by, prune: true }),
      ]
      expect(seen.flatMap(({ changes }) => changes)).toEqual([])
    }),
    { numRuns: 40 },
  )
})

test('what is stored is what is true: a restart changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(documents, async (document) => {
      await opened.inventory.apply(document, { ...by, prune: true })
      const before = [opened.inventory.document(), opened.inventory.tasks()]
      const again = await opened.restart()
      expect([again.document(), again.tasks()]).toEqual(before)
    }),
    { numRuns: 5 },
  )
})

test('from one document to the next, prune leaves the next one alone, and without it nothing is removed', async () => {
  await fc.assert(
    fc.asyncProperty(documents, documents, async (first, second) => {
      const { inventory } = opened
      await inventory.apply(second, { ...by, prune: true })
      const alone = inventory.document()
      const taskIds = inventory.tasks().map(({ id }) => id)
      await inventory.apply(first, { ...by, prune: true })
      const merged = await inventory.apply(second, { ...by, dryRun: true }).catch(() => undefined)
      // Types of one name may clash without prune; with it they never do.
      expect(merged?.summary.remove ?? 0).toBe(0)
      await inventory.apply(second, { ...by, prune: true })
      expect([inventory.document(), inventory.tasks().map(({ id }) => id)]).toEqual([alone, taskIds])
    }),
    { numRuns: 40 },
  )
})

/** Puts a foreign value somewhere into a document. */
function mutate(value: unknown, path: readonly number[], put: unknown): unknown {
  if (path.length === 0 || typeof value !== 'object' || value === null) return put
  const keys = Object.keys(value)
  if (keys.length === 0) return put
  const key = keys[path[0]! % keys.length]!
  const child = mutate((value as Record<string, unknown>)[key], path.slice(1), put)
  if (Array.isArray(value)) return value.map((one, index) => (String(index) === key ? child : one))
  return { ...value, [key]: child }
}

test('whatever is wrong in a document is answered as problems, and nothing of it is applied', async () => {
  const foreign = fc.oneof(
    fc.anything({ maxDepth: 3 }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, -1, '', [], {}, { keep: true }, JSON.parse('{"__proto__": []}')),
  )
  await fc.assert(
    fc.asyncProperty(
      documents,
      fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }),
      foreign,
      async (document, path, put) => {
        const { inventory } = opened
        await inventory.apply({ groups: [{ name: 'before' }] }, { ...by, prune: true })
        const before = JSON.stringify(inventory.document())
        const outcome = await inventory.apply(mutate(document, path, put), by).then(
          () => 'applied',
          (thrown: { code?: string }) => thrown.code ?? String(thrown),
        )
        expect(['applied', 'invalid-document']).toContain(outcome)
        if (outcome !== 'applied') expect(JSON.stringify(inventory.document())).toBe(before)
      },
    ),
    { numRuns: 120 },
  )
})
