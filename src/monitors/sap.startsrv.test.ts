import { expect, test } from 'vitest'
import { TargetError } from '../sdk/index.ts'
import { certificateLasting, collectOnce, expectSound, judgedBy, sapSaying, type SapSaid } from '../sdk/testing.ts'
import sapStartsrv from './sap.startsrv.ts'

const healthy: SapSaid = {
  GetProcessList: [{ name: 'gwrd', dispstatus: 'SAPControl-GREEN' }],
  GetInstanceProperties: [
    { property: 'SAPSYSTEMNAME', value: 'FW1' },
    { property: 'INSTANCE_NAME', value: 'D01' },
    { property: 'Webmethods', value: 'Start,Stop,GetProcessList' },
    { property: 'Protected Webmethods', value: 'Start,Stop' },
  ],
  GetAccessPointList: [],
}

async function run(said: SapSaid, signsIn = true) {
  const seen = await collectOnce(sapStartsrv, {}, { client: sapSaying(said, { signsIn }) })
  expectSound(sapStartsrv, seen)
  return seen
}

test('times, methods and access are measured', async () => {
  const seen = await run(healthy)
  expect([seen.metrics, seen.facts, judgedBy(sapStartsrv, seen)]).toEqual([
    { connect: 1, handshake: 2, answer: 3, methods: 3, methods_protected: 2, access: 1 },
    { system: 'FW1', instance: 'D01' },
    {},
  ])
})

test('a refused user is a matter of configuration: it raises, and the service does not count as down', async () => {
  const seen = await run({ ...healthy, GetAccessPointList: new TargetError('credentials', 'refused the user x') })
  expect([seen.metrics['access'], seen.message, judgedBy(sapStartsrv, seen)]).toEqual([
    0,
    'refused the user x',
    { 'user refused': 'MAJOR' },
  ])
})

// what else may be → access, and what the default rules say
const others: [string, SapSaid, boolean, number | undefined][] = [
  ['no user', healthy, false, undefined],
  [
    'a component that does not answer',
    { ...healthy, GetAccessPointList: new TargetError('assertion', 'fault') },
    true,
    undefined,
  ],
  [
    'an instance that starts',
    { ...healthy, GetInstanceProperties: { is: 'not asked', why: 'paused', message: 'gwrd is not GREEN' } },
    true,
    undefined,
  ],
]
test.each(others)('%s says nothing about access', async (_, said, signsIn, access) => {
  const seen = await run(said, signsIn)
  expect([seen.metrics['access'], judgedBy(sapStartsrv, seen)]).toEqual([access, {}])
})

test('a service that is not there raises', async () => {
  await expect(run({ GetProcessList: new TargetError('refused', 'connection refused') })).rejects.toThrow('refused')
})

test('a slow answer and a certificate that ends soon raise', async () => {
  const look = async (about: Parameters<typeof sapSaying>[1]) =>
    judgedBy(sapStartsrv, await collectOnce(sapStartsrv, {}, { client: sapSaying(healthy, about) }))
  expect([
    await look({ firstByte: 5_100 }),
    await look({ certificate: certificateLasting(6) }),
    await look({ certificate: certificateLasting(90) }),
  ]).toEqual([{ 'slow answer': 'MAJOR' }, { 'certificate ends': 'CRITICAL' }, {}])
})
