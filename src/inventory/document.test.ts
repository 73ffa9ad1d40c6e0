import { expect, test } from 'vitest'
import { exampleDocument, openTestInventory } from './testing.ts'

const settings = {
  parallelTasks: 0,
  parallelPerTarget: 8,
  processTimeoutMs: 60_000,
  logLevel: 'info',
  logDurationMs: 0,
  leaseMs: null,
} as const

test('a document is applied whole, told as a difference, and given back with its secrets kept', async () => {
  await using opened = await openTestInventory()
  const { inventory } = opened
  const made = await inventory.apply(exampleDocument, { author: 'ann', comment: 'first' })
  expect({ ...made, changes: made.changes.map(({ action, path }) => `${action} ${path}`) }).toEqual({
    applied: true,
    revision: 1,
    summary: { add: 8, change: 0, remove: 0 },
    changes: [
      'add profiles["web-basic"]',
      'add profiles["web-basic"].monitors["http.response"]',
      'add groups["acme"]',
      'add groups["acme"].credentials["shop-login"]',
      'add groups["acme"].systems["shop"]',
      'add groups["acme"].systems["shop"].connectors["front"]',
      'add associations["acme"]',
      'add plugins["hook"]',
    ],
  })
  const keep = { keep: true }
  expect(inventory.document()).toEqual({
    ...exampleDocument,
    groups: [
      { ...exampleDocument.groups[0], credentials: [{ ...exampleDocument.groups[0].credentials[0], secret: keep }] },
    ],
    plugins: [
      { ...exampleDocument.plugins[0], settings: { ...exampleDocument.plugins[0].settings, signingKey: keep } },
    ],
  })
  const nothing = { applied: true, revision: null, summary: { add: 0, change: 0, remove: 0 }, changes: [] }
  expect(await inventory.apply(exampleDocument, { author: 'ann' })).toEqual(nothing)
  expect(await inventory.apply(inventory.document(), { author: 'ann', prune: true })).toEqual(nothing)
  const before = inventory.document()
  const again = await opened.restart()
  expect(again.document()).toEqual(before)
  expect(again.revision()).toBe(1)
  expect(again.assignmentFor('north-1', settings)).toEqual(inventory.assignmentFor('north-1', settings))
  expect(inventory.assignmentFor('north-1', settings)).toMatchObject({
    connectors: [{ group: 'acme', credential: { type: 'basic', fields: { username: 'monitor', secret: 'hunter2' } } }],
    tasks: [
      { monitor: 'http.response', periodMs: 10_000, timeoutMs: 10_000, settings: { path: '/health', wait: 1_000 } },
    ],
  })
})
