import { expect, test } from 'vitest'
import { permittedKinds } from './permission.ts'

// capabilities, groups, ping_group_range → kinds of sockets, the better first
const standings: [string, string, number[], string, string[]][] = [
  ['root on a kernel as it comes', '000001ffffffffff', [0], '1\t0\n', ['raw']],
  ['root where systemd has opened it to all', '000001ffffffffff', [0], '0\t2147483647\n', ['datagram', 'raw']],
  ['anybody there', '0000000000000000', [1000], '0\t2147483647\n', ['datagram']],
  ['anybody on a kernel as it comes', '0000000000000000', [1000], '1\t0\n', []],
  ['a service with the one capability', '0000000000002000', [61184], '1\t0\n', ['raw']],
  ['a service with all others', 'ffffffffffffdfff', [61184], '1\t0\n', []],
  ['one of whose groups may', '0000000000000000', [1000, 20], '20\t20\n', ['datagram']],
  ['a machine that does not tell', '', [NaN], '', []],
]
test.each(standings)('%s', (_, capabilities, groups, pingGroups, wanted) => {
  expect(permittedKinds({ capabilities, groups, pingGroups })).toEqual(wanted)
})
