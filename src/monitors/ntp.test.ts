import { expect, test } from 'vitest'
import { TargetError, type NtpClient, type NtpSeen } from '../sdk/index.ts'
import { collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import ntp from './ntp.ts'

const good: NtpSeen = {
  offset: 0.002,
  roundTrip: 8,
  stratum: 2,
  leap: 'none',
  rootDelay: 0.01,
  rootDispersion: 0.02,
  reference: '10.0.0.1',
}

function server(...answers: (NtpSeen | TargetError)[]): NtpClient {
  let next = 0
  return {
    target: 'ntp1:123',
    async ask() {
      const answer = answers[Math.min(next++, answers.length - 1)]!
      if (answer instanceof TargetError) throw answer
      return answer
    },
  }
}

test('the answer that took the shortest way gives the offset, the others how sure it is', async () => {
  const client = server({ ...good, offset: 0.01, roundTrip: 40 }, good, { ...good, offset: 0.004, roundTrip: 9 })
  const seen = await collectOnce(ntp, {}, { client })
  expectSound(ntp, seen)
  expect([seen.metrics, seen.facts, judgedBy(ntp, seen)]).toEqual([
    {
      offset: 0.002,
      offset_size: 0.002,
      round_trip: 8,
      jitter: 5,
      stratum: 2,
      synchronised: 1,
      leap_second: 0,
      root_delay: 10,
      root_dispersion: 20,
    },
    { reference: '10.0.0.1', leap: 'none' },
    {},
  ])
})

test('a clock that is off, a server without one and a leap second raise', async () => {
  const judged = async (about: Partial<NtpSeen>) =>
    judgedBy(ntp, await collectOnce(ntp, { questions: 1 }, { client: server({ ...good, ...about }) }))
  expect([
    await judged({ offset: -0.7 }),
    await judged({ offset: 6 }),
    await judged({ stratum: 16, leap: 'unsynchronised' }),
    await judged({ leap: 'insert' }),
  ]).toEqual([
    { 'clocks differ': 'WARNING' },
    { 'clocks differ': 'CRITICAL' },
    { 'server not synchronised': 'MAJOR' },
    { 'leap second announced': 'INFO' },
  ])
})

test('a server that bounds the rate after its first answer has said enough', async () => {
  const seen = await collectOnce(ntp, {}, { client: server(good, new TargetError('refused', 'less often')) })
  expect([seen.metrics['offset'], seen.metrics['jitter']]).toEqual([0.002, undefined])
})
