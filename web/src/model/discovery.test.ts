import { expect, test } from 'vitest'
import type { Proposal } from '../../../src/contract/index.ts'
import { editsToAdd, firstTick, isLacking, isTickedAtFirst } from './discovery.ts'

const ping: Proposal = {
  system: 'db1',
  connector: { name: 'ping', type: 'icmp', settings: { host: 'db1' }, defaults: true },
  title: 'Answers to ping',
  seen: '',
  certainty: 'identified',
  credential: null,
  profile: null,
  known: null,
}
const exporter: Proposal = {
  ...ping,
  connector: { name: 'node-exporter', type: 'http', profiles: ['prometheus-default'] },
  profile: { name: 'prometheus-default', connector: 'http', monitors: [{ monitor: 'prometheus.scrape' }] },
}
const database = (usable: string[]): Proposal => ({
  ...ping,
  connector: { name: 'postgresql', type: 'postgresql' },
  credential: { type: 'basic', isRequired: true, usable },
})

test('ticked at first is what said what it is, is new, and lacks nothing', () => {
  expect(
    [
      ping,
      { ...ping, certainty: 'guessed' as const },
      { ...ping, known: 'db1 / ping' },
      database([]),
      database(['login']),
    ].map((one) => [isTickedAtFirst(one), isLacking(one, firstTick(one))]),
  ).toEqual([
    [true, false],
    [false, false],
    [false, false],
    [false, true],
    [true, false],
  ])
})

test('profiles and systems that are missing are added before the connectors that name them', () => {
  const chosen = [ping, exporter, database(['login'])].map((one) => [one, firstTick(one)] as const)
  const empty = editsToAdd('acme', 'db1', chosen, { groups: [{ name: 'acme' }] })
  const filled = editsToAdd('acme', 'db1', chosen.slice(0, 1), {
    groups: [{ name: 'acme', systems: [{ name: 'db1' }] }],
  })
  expect([empty, filled.length]).toEqual([
    [
      {
        is: 'add',
        at: { profile: 'prometheus-default' },
        value: { connector: 'http', monitors: [{ monitor: 'prometheus.scrape' }] },
      },
      { is: 'add', at: { group: 'acme', system: 'db1' }, value: { type: 'host' } },
      {
        is: 'add',
        at: { group: 'acme', system: 'db1', connector: 'ping' },
        value: { type: 'icmp', settings: { host: 'db1' }, defaults: true },
      },
      {
        is: 'add',
        at: { group: 'acme', system: 'db1', connector: 'node-exporter' },
        value: { type: 'http', profiles: ['prometheus-default'] },
      },
      {
        is: 'add',
        at: { group: 'acme', system: 'db1', connector: 'postgresql' },
        value: { type: 'postgresql', credential: 'login' },
      },
    ],
    1,
  ])
})
