import { expect, test } from 'vitest'
import { fingerprintAt, scratchData, trust } from '../support/fleet.ts'
import { TestInstance } from '../support/instance.ts'
import { inStep } from '../support/pair.ts'

test('a standby is made by its environment alone, at its very first start and at each later one', async () => {
  const env = { FARWATCH_PROCESSES: '1', FARWATCH_ROLE: 'server' }
  await using primary = await TestInstance.start({ env })
  const data = await scratchData()
  await trust(primary.url, await fingerprintAt(primary.url), data)
  // It signs in as the administrator that its first start made, before it became a standby.
  await using secondary = await TestInstance.start({
    data,
    env: {
      ...env,
      FARWATCH_FAILOVER_ROLE: 'SECONDARY',
      FARWATCH_FAILOVER_MODE: 'STANDBY',
      FARWATCH_FAILOVER_PEER_URL: primary.url,
      FARWATCH_FAILOVER_TIMEOUT: '5s',
      FARWATCH_FAILOVER_POLL: '500ms',
    },
  })
  await primary.call('changeFailover', {
    body: { role: 'PRIMARY', mode: 'ACTIVE', peerUuid: secondary.uuid, timeoutMs: 5_000, pollMs: 500 },
  })
  await inStep(primary, secondary)
  await secondary.stop()
  await secondary.start()
  await secondary.signIn()
  await inStep(primary, secondary)
  const { role, mode, state, timeoutMs, pollMs } = await secondary.call('showFailover')
  expect({ role, mode, state, timeoutMs, pollMs }).toEqual({
    role: 'SECONDARY',
    mode: 'STANDBY',
    state: 'standby',
    timeoutMs: 5_000,
    pollMs: 500,
  })
})
