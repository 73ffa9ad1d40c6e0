import { expect, test } from 'vitest'
import { ManualClock } from '../base/index.ts'
import type { DistributionProblem } from '../distribution/index.ts'
import { silentLog } from '../platform/index.ts'
import { FleetAlarms } from './fleet-alarms.ts'

const problem = (key: string): DistributionProblem => ({ key, severity: 'MAJOR', message: key, group: '' })

function alarmsOf(isAlone: () => boolean) {
  const told: string[] = []
  const fleetAlarms = new FleetAlarms({
    alarms: {
      raiseInternal: async ({ key }) => void told.push(`+ ${key}`),
      clearInternal: async (key) => void told.push(`- ${key}`),
      open: () => [],
    },
    clock: new ManualClock(),
    log: silentLog,
    isAlone,
  })
  const take = async () => {
    await fleetAlarms.stop()
    return told.splice(0)
  }
  return { fleetAlarms, take }
}

test('a server that is alone says nothing of agents that it cannot see, and all that still is so once it is not alone', async () => {
  let isAlone = true
  const { fleetAlarms, take } = alarmsOf(() => isAlone)
  fleetAlarms.follow({ raised: ['agent lost: a', 'agent lost: b', 'uncovered: acme'].map(problem), cleared: [] })
  fleetAlarms.settle([])
  const alone = await take()
  isAlone = false
  // The first agent is back.
  fleetAlarms.follow({ raised: [], cleared: ['agent lost: a'] })
  expect([alone, await take()]).toEqual([[], ['- agent lost: a', '+ agent lost: b', '+ uncovered: acme']])
})

test('without another server all is told at once', async () => {
  const { fleetAlarms, take } = alarmsOf(() => false)
  fleetAlarms.follow({ raised: [problem('agent lost: a')], cleared: [] })
  fleetAlarms.follow({ raised: [], cleared: ['agent lost: a'] })
  expect(await take()).toEqual(['+ agent lost: a', '- agent lost: a'])
})
