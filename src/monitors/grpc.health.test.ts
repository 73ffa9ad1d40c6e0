import { expect, test } from 'vitest'
import type { GrpcClient, GrpcState } from '../sdk/index.ts'
import { certificateLasting, collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import grpcHealth from './grpc.health.ts'

const server = (state: GrpcState, duration = 2): GrpcClient => ({
  target: 'shop:443',
  health: async (services) => ({ connect: 1, services: services.map((service) => ({ service, state, duration })) }),
})

// state → what raises
const states: [GrpcState, number, Record<string, string>][] = [
  ['SERVING', 2, {}],
  ['SERVING', 2_000, { slow: 'WARNING' }],
  ['NOT_SERVING', 2, { 'not serving': 'CRITICAL' }],
  ['SERVICE_UNKNOWN', 2, { 'not serving': 'CRITICAL' }],
  ['UNKNOWN', 2, { 'not serving': 'CRITICAL' }],
]
test.each(states)('a server that is %s after %i ms', async (state, duration, raised) => {
  const seen = await collectOnce(grpcHealth, {}, { client: server(state, duration) })
  expectSound(grpcHealth, seen)
  expect([seen.metrics['serving'], judgedBy(grpcHealth, seen)]).toEqual([
    [{ labels: { service: 'server' }, value: Number(state === 'SERVING') }],
    raised,
  ])
})

test('a certificate that ends soon raises', async () => {
  const lasting = async (days: number) => {
    const { health } = server('SERVING')
    const client: GrpcClient = {
      target: 'shop:443',
      health: async (...asked) => ({ ...(await health(...asked)), certificate: certificateLasting(days) }),
    }
    return judgedBy(grpcHealth, await collectOnce(grpcHealth, {}, { client }))
  }
  expect([await lasting(29), await lasting(90)]).toEqual([{ 'certificate ends': 'WARNING' }, {}])
})
