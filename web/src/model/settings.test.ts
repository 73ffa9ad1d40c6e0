import { expect, test } from 'vitest'
import { readSetting, sectionOf, shownUnit, writeSetting } from './settings.ts'

test('a setting is written as people say it', () => {
  expect([
    writeSetting({ kind: 'number', unit: 'ms' }, 120_000),
    writeSetting({ kind: 'number', unit: 'ms' }, 0),
    writeSetting({ kind: 'number', unit: 'B' }, 256 * 1024 ** 2),
    writeSetting({ kind: 'number', unit: 'days' }, 30),
    writeSetting({ kind: 'urls' }, ['https://a', 'https://b']),
    writeSetting({ kind: 'flag' }, false),
    writeSetting({ kind: 'text' }, ''),
    writeSetting({ kind: 'result-retention' }, 'longer-than 5s'),
  ]).toEqual(['2m', '0', '256MiB', '30', 'https://a\nhttps://b', 'false', '', 'longer-than 5s'])
})

test('what was typed is sent as the kind of thing it is', () => {
  expect([
    readSetting({ kind: 'number', unit: 'ms' }, ' 90s '),
    readSetting({ kind: 'urls' }, 'https://a\n\n https://b, https://c '),
    readSetting({ kind: 'flag' }, 'true'),
    readSetting({ kind: 'text' }, ' as typed '),
  ]).toEqual(['90s', ['https://a', 'https://b', 'https://c'], true, ' as typed '])
})

test('what is kept stands together, and what is given at the start apart', () => {
  expect([
    sectionOf({ scope: 'travels', change: 'at once' }),
    sectionOf({ scope: 'server', change: 'at once', retention: true }),
    sectionOf({ scope: 'local', change: 'start' }),
    sectionOf({ scope: 'local', change: 'restart' }),
  ]).toEqual(['travels', 'retention', 'start', 'local'])
})

test('a unit stands behind a field where what is typed bears none', () => {
  expect([shownUnit({ unit: 'days' }), shownUnit({ unit: 'ms' }), shownUnit({})]).toEqual(['days', '', ''])
})
