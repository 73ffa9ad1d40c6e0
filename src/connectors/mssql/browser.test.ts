import fc from 'fast-check'
import { expect, test } from 'vitest'
import { instancesIn } from './browser.ts'

const answer = (text: string) => {
  const words = Buffer.from(text, 'latin1')
  const head = Buffer.from([5, 0, 0])
  head.writeUInt16LE(words.length, 1)
  return Buffer.concat([head, words])
}
const one = (name: string, more: string) => `ServerName;DB1;InstanceName;${name};IsClustered;No;${more};;`

// what a browser says → the instances
const answers: [string, Buffer, ReturnType<typeof instancesIn>][] = [
  [
    'two',
    answer(
      one('MSSQLSERVER', 'Version;16.0.1000.6;tcp;1433') + one('SHOP', 'Version;15.0.2000.5;tcp;50123;np;\\\\DB1'),
    ),
    [
      { name: 'MSSQLSERVER', port: 1433, version: '16.0.1000.6' },
      { name: 'SHOP', port: 50_123, version: '15.0.2000.5' },
    ],
  ],
  ['one without TCP', answer(one('SHOP', 'np;\\\\DB1')), [{ name: 'SHOP', port: undefined, version: undefined }]],
  ['a port that is none', answer(one('SHOP', 'tcp;70000')), [{ name: 'SHOP', port: undefined, version: undefined }]],
  [
    'a value that is called like a key',
    answer('InstanceName;tcp;tcp;1500;;'),
    [{ name: 'tcp', port: 1500, version: undefined }],
  ],
  ['a name that is none', answer(one('a b', 'tcp;1500')), []],
  ['nothing', answer(''), []],
  ['another length than it announces', answer(one('SHOP', 'tcp;1500')).subarray(0, 20), undefined],
  ['something else', Buffer.from('HTTP/1.1 400'), undefined],
]
test.each(answers)('%s', (_, said, wanted) => {
  expect(instancesIn(said)).toEqual(wanted)
})

test('whatever comes, there are instances or nothing', () => {
  const text = fc
    .array(fc.constantFrom(';', ';;', 'InstanceName', 'SHOP', 'tcp', '1433', 'Version', '1.0', 'x y'))
    .map((all) => all.join(''))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array().map(Buffer.from), text.map(answer)), (said) => {
      const found = instancesIn(Buffer.from(said)) ?? []
      expect(found.every(({ name, port = 1 }) => name.length <= 16 && port >= 1 && port <= 65_535)).toBe(true)
    }),
  )
})
