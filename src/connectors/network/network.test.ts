import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findAddresses, parseHosts, parseSearch } from '../../platform/index.ts'
import { parseFping, parsePing } from './ping-output.ts'
import { readHostPort } from './target.ts'

test('a hosts file gives every name its addresses, IPv4 first', () => {
  const hosts = parseHosts(
    '# comment\n::1 localhost ip6\n127.0.0.1\tlocalhost # home\nnonsense x\n10.0.0.5 DB1.Example db1\n',
  )
  expect(Object.fromEntries(hosts)).toEqual({
    localhost: [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ],
    ip6: [{ address: '::1', family: 6 }],
    'db1.example': [{ address: '10.0.0.5', family: 4 }],
    db1: [{ address: '10.0.0.5', family: 4 }],
  })
})

test('the last line of search domains counts', () => {
  expect(parseSearch('nameserver 10.0.0.1\ndomain a.example\nsearch b.example c.example .\n')).toEqual([
    'b.example',
    'c.example',
  ])
})

test('addresses and this machine’s own names ask nobody', () => {
  const found: unknown[] = []
  for (const host of ['10.0.0.5', '::1', 'app.localhost'])
    findAddresses(host, (_, addresses) => found.push(addresses[0]?.address))
  expect(found).toEqual(['10.0.0.5', '::1', '127.0.0.1'])
})

// text → host and port
const places: [string, string | undefined][] = [
  ['db1', 'db1 53'],
  ['db1:5432', 'db1 5432'],
  ['[::1]:53', '::1 53'],
  ['::1', '::1 53'],
  ['db1:0', undefined],
  ['db1:99999', undefined],
  ['a b', undefined],
  ['user@db1', undefined],
]
test.each(places)('%s', (text, wanted) => {
  const place = readHostPort(text, 53)
  expect(place === undefined ? undefined : `${place.host} ${place.port}`).toBe(wanted)
})

test('what fping prints is read by target, lost packets included', () => {
  const text =
    'ICMP Host Unreachable from 10.0.0.1 for ICMP Echo sent to 10.0.0.9\n10.0.0.5   : 0.31 - 0.29\n10.0.0.9 : - - -\n'
  expect(Object.fromEntries(parseFping(text))).toEqual({
    '10.0.0.5': { sent: 3, roundTrips: [0.31, 0.29] },
    '10.0.0.9': { sent: 3, roundTrips: [] },
  })
})

// a line of ping → round trips
const pings: [string, number[]][] = [
  ['64 bytes from 10.0.0.5: icmp_seq=1 ttl=64 time=0.042 ms', [0.042]],
  ['64 bytes from 10.0.0.5: icmp_seq=1 ttl=64 time=12 ms', [12]],
  ['64 bytes from 10.0.0.5: icmp_seq=1 ttl=64 time=0.05 ms (DUP!)', []],
  ['Reply from 10.0.0.5: bytes=32 time<1ms TTL=128', [1]],
  ['Antwort von 10.0.0.5: Bytes=32 Zeit=14ms TTL=128', [14]],
  ['rtt min/avg/max/mdev = 0.042/0.042/0.042/0.000 ms', []],
  ['5 packets transmitted, 0 received, 100% packet loss, time 4088ms', []],
]
test.each(pings)('%s', (line, wanted) => {
  expect(parsePing(line)).toEqual(wanted)
})

test('whatever these programs print, reading it ends with finite numbers', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123.: -\ntime=<msTL'.split('')), maxLength: 200 }), (text) => {
      const trips = [...parseFping(text).values()].flatMap((one) => one.roundTrips)
      expect([...trips, ...parsePing(text)].every(Number.isFinite)).toBe(true)
    }),
  )
})
