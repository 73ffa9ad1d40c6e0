import { afterAll, beforeAll, expect, test } from 'vitest'
import { monitors } from '../../src/monitors/index.ts'
import { expectSound, judgedBy } from '../../src/sdk/testing.ts'
import { startDnsmasq, type NameServer } from '../servers/dnsmasq.ts'
import { byHand } from './by-hand.ts'
import { measured, runMonitor, theOne } from './library.ts'

const monitor = theOne(monitors, 'dns.lookup')
let server: NameServer
let place: Record<string, unknown>
beforeAll(async () => {
  server = await startDnsmasq([
    'host-record=shop.example,10.0.0.5,fd00::5',
    'mx-host=shop.example,mail.example,10',
    'txt-record=shop.example,v=spf1 -all',
    'ptr-record=5.0.0.10.in-addr.arpa,shop.example',
  ])
  place = { server: `127.0.0.1:${server.port}` }
})
afterAll(() => server?.stop())

// what is asked for → what is expected there
const known: [string, string, string][] = [
  ['shop.example', 'A', '10.0.0.5'],
  ['shop.example', 'AAAA', 'fd00::5'],
  ['shop.example', 'MX', '10 mail.example'],
  ['shop.example', 'TXT', 'v=spf1 -all'],
  ['10.0.0.5', 'PTR', 'shop.example'],
]
test.each(known)('a name server knows of %s, %s: %s', async (name, type, answer) => {
  const seen = await measured('dns.lookup', place, { name, type, expected: [answer] })
  expectSound(monitor, seen)
  expect([seen.failure, seen.metrics['answers'], judgedBy(monitor, seen)]).toEqual([undefined, 1, {}])
})

test('a name that nobody has, an answer that is another one, and a server that is none are told apart', async () => {
  const look = async (settings: object, at = place) => {
    const { gathered, failed } = await runMonitor('dns.lookup', at, { name: 'shop.example', ...settings })
    return (failed ?? gathered?.failure?.message)?.replaceAll(/:\d+/g, ':PORT')
  }
  expect([
    await look({ name: 'nobody.example' }),
    await look({ expected: ['10.0.0.6'] }),
    await look({}, { server: '127.0.0.1:1' }),
    await byHand('dns.lookup', place, { settings: { name: 'shop.example' } }),
    (await byHand('dns.lookup', place, { settings: { name: 'nobody.example' } })).replace(/:\d+/, ':PORT'),
  ]).toEqual([
    'nobody.example at 127.0.0.1:PORT: there is no such name',
    'shop.example at 127.0.0.1:PORT: the answer 10.0.0.6 is missing; 10.0.0.5 came',
    'refused: connection refused by 127.0.0.1:PORT',
    '0 dns.lookup ran',
    '2 dns.lookup nobody.example at 127.0.0.1:PORT: there is no such name',
  ])
})
