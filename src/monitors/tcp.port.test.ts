import { expect, test } from 'vitest'
import type { TcpClient } from '../sdk/index.ts'
import { collectOnce, judgedBy } from '../sdk/testing.ts'
import tcpPort from './tcp.port.ts'

function saying(banner: string, sent: string[] = [], connect = 12): TcpClient {
  const connected = { address: '10.0.0.5', connect }
  return {
    target: 'mail.example:25',
    connect: async () => connected,
    talk: async ({ send }) => {
      if (send !== undefined) sent.push(send)
      return { ...connected, received: banner, ...(banner === '' ? {} : { firstByte: 3 }) }
    },
    tls: () => Promise.reject(new Error('nobody asked for TLS')),
  }
}

test('reports the time of the handshake', async () => {
  expect(await collectOnce(tcpPort, {}, { client: saying('') })).toEqual({
    metrics: { duration: 12 },
    facts: { address: '10.0.0.5' },
  })
})

test('a handshake that takes long raises', async () => {
  const took = async (ms: number) => judgedBy(tcpPort, await collectOnce(tcpPort, {}, { client: saying('', [], ms) }))
  expect([await took(1_100), await took(3_100)]).toEqual([
    { 'slow handshake': 'WARNING' },
    { 'slow handshake': 'CRITICAL' },
  ])
})

test('sends lines as the network ends them and finds what is expected', async () => {
  const sent: string[] = []
  const seen = await collectOnce(
    tcpPort,
    { send: 'HELO x\nQUIT\n', expect: '^220 ' },
    { client: saying('220 hi', sent) },
  )
  expect([sent, seen.metrics, seen.failure]).toEqual([
    ['HELO x\r\nQUIT\r\n'],
    { duration: 12, first_byte: 3 },
    undefined,
  ])
})

test('another banner fails the run, raises, and the right one clears', async () => {
  const wrong = await collectOnce(tcpPort, { expect: '^220 ' }, { client: saying('554 no') })
  const right = await collectOnce(tcpPort, { expect: '^220 ' }, { client: saying('220 hi') })
  expect([wrong.failure, judgedBy(tcpPort, wrong), judgedBy(tcpPort, right)]).toEqual([
    { reason: 'assertion', message: 'mail.example:25 did not send what is expected' },
    { 'no connection': 'CRITICAL' },
    {},
  ])
})
