import { afterEach, beforeEach, expect, test } from 'vitest'
import { failoverHandlers } from '../../src/api/index.ts'
import { adminToken, fakePair, standsBy, startTestApi, type TestApi } from '../../src/api/testing.ts'
import { runCommand } from '../support/command.ts'

let api: TestApi
let asked: unknown[]

beforeEach(async () => {
  api = await startTestApi()
  asked = []
  api.handlers = { ...api.handlers, ...failoverHandlers({ failover: fakePair(asked), agentName: () => 'agent-x' }) }
})
afterEach(() => api.stop())

const cli = (line: string, types?: string) =>
  runCommand(line.split(' '), { url: api.url, token: adminToken, ...(types === undefined ? {} : { types }) })

test('one screen says who acts, how far this side is, what is missing and who was asked', async () => {
  const { code, out } = await cli('failover')
  expect([code, out]).toEqual([
    0,
    `Role      SECONDARY, mode STANDBY
State     standby, term 3
Active    https://a.example:8443
Other     active, term 3, heard 0.70 s ago
Lag       4 changes, ? s
Peer URL  https://a.example:8443
Own UUID  e71ac1f6-6c4a-4c7e-9c0e-0a1b2c3d4e5f
Timeout   15s, polled every 2s

Set-up
  done  SECONDARY  The SECONDARY has the URL of the PRIMARY.

Replicated
  history   copying    a gap
  database  following  4 changes, 0.5 s

Witnesses of the other server
  agent-x  served
`,
  ])
})

test('an instance that stands by says so where it is asked who it is, and why a change is refused', async () => {
  api.pair = standsBy
  const { out } = await cli('instance')
  const { code, err } = await cli('agents token')
  expect([out.split('\n').filter((line) => /^Pair|^ /.test(line)), code, err.trim().split('\n')]).toEqual([
    [
      'Pair         SECONDARY, standby',
      '             this server is standing by: the PRIMARY is active, with term 3',
      '             the active server: https://a.example:8443',
    ],
    1,
    [
      'farwatch: this server is standing by: the PRIMARY is active, with term 3; nothing was changed [not-active]',
      '  Ask the active server: https://a.example:8443',
    ],
  ])
})

test('settings are taken as people write them, and what makes no sense is refused with what does', async () => {
  const refusals = [
    await cli('failover set'),
    await cli('failover set --role second'),
    await cli('failover set --timeout soon'),
    await cli('failover set --mode active'),
    await cli('failover hand-over'),
  ]
  const { code } = await cli('failover set --role secondary --mode STANDBY --peer-url https://b.example --timeout 20s')
  expect([refusals.map(({ code: exit, err }) => [exit, ...err.trim().split('\n')]), code, asked.at(-1)]).toEqual([
    [
      [
        2,
        'farwatch: failover set needs what to set [wrong-use]',
        '  Give --role, --mode, --peer-url, --peer-uuid, --timeout or --poll; what is left out stays.',
      ],
      [2, 'farwatch: --role second: must be one of NONE, PRIMARY, SECONDARY [wrong-use]', expect.any(String)],
      [2, 'farwatch: --timeout soon: must be a duration such as 15s, or milliseconds [wrong-use]'],
      [1, 'farwatch: a SECONDARY cannot be set to ACTIVE by hand [invalid-value]', '  Set it to STANDBY.'],
      [2, 'farwatch: failover hand-over: there is no such action [wrong-use]', expect.stringContaining('handover')],
    ],
    0,
    {
      given: { role: 'SECONDARY', mode: 'STANDBY', peerUrl: 'https://b.example', timeoutMs: 20_000 },
      by: expect.any(String),
    },
  ])
})

test('to force shows the price and asks; only a yes does it', async () => {
  const no = await cli('failover force', 'n\n')
  const before = [...asked]
  const yes = await cli('failover force', 'y\n')
  const unasked = await cli('failover force --json')
  const given = await cli('failover force --yes --json')
  expect([no.code, no.out, no.err, before, yes.code, unasked.code, given.code, asked.length]).toEqual([
    1,
    `Missing here   4 changes
Last contact   0.70 s ago
Configuration  c1 here, c2 there: edits that were made there would be missing here
Shall this server act from now on, without the other? [y/N] `,
    'farwatch: nothing was done [conflict]\n',
    [],
    0,
    2,
    0,
    2,
  ])
})

test('a hand-over and a drill say how long they took', async () => {
  const [handOver, drill, drills] = [
    await cli('failover handover'),
    await cli('failover drill'),
    await cli('failover drills'),
  ]
  expect([handOver.out, drill.code, drill.out, drills.out]).toEqual([
    'The SECONDARY is active, with term 4, 0.85 s after it was asked for.\n',
    0,
    `There                   0.90 s, of these 0.15 s with none active
Back                    1.10 s, of these 0.20 s with none active
Results lost            0
Duplicates              0
Runs missed             0
Notifications repeated  0
`,
    `STARTED (UTC)        BY     THERE   BACK    LOST  DOUBLE  MISSED  REPEATED  PROBLEMS
2026-01-31 12:00:00  admin  0.90 s  1.10 s  0     0       0       0         none
`,
  ])
})
