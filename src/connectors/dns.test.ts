import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { TargetError, type DnsClient, type DnsRecordType } from '../sdk/index.ts'
import dns from './dns.ts'

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.close()
})

/** A name server that answers each question with bytes of the test's choice. */
async function serve(answer: (question: Buffer) => Buffer | undefined): Promise<DnsClient> {
  const socket = createSocket('udp4')
  open.push(socket)
  socket.on('message', (question, from) => {
    const bytes = answer(question)
    if (bytes !== undefined) socket.send(bytes, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return dns.open({ server: `127.0.0.1:${socket.address().port}` }, undefined) as DnsClient
}

/** The question's own id and question section, with a response code and records of one type that point back to the name asked for. */
function reply(question: Buffer, code: number, type = 1, ...data: Buffer[]): Buffer {
  let end = 12
  while (question[end] !== 0) end += question[end]! + 1
  const asked = question.subarray(12, end + 5)
  const header = Buffer.from([question[0]!, question[1]!, 0x81, 0x80 | code, 0, 1, 0, data.length, 0, 0, 0, 0])
  const records = data.map((one) =>
    Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, one.length]), one]),
  )
  return Buffer.concat([header, asked, ...records])
}

async function ask(server: DnsClient, type: DnsRecordType = 'A', timeoutMs = 30_000): Promise<unknown> {
  try {
    const { status, answers, ttl } = await server.query('www.example', type, AbortSignal.timeout(timeoutMs))
    return [status, answers, ttl]
  } catch (thrown) {
    if (!(thrown instanceof TargetError)) throw thrown
    return `${thrown.reason}: ${thrown.message.replace(server.server, 'SERVER')}`
  }
}

const text = (words: string) => Buffer.concat([Buffer.from([words.length]), Buffer.from(words)])

// the server's answer → what is reported
const answers: [string, DnsRecordType, (question: Buffer) => Buffer | undefined, unknown][] = [
  [
    'two addresses',
    'A',
    (q) => reply(q, 0, 1, Buffer.from([10, 0, 0, 9]), Buffer.from([10, 0, 0, 5])),
    ['found', ['10.0.0.5', '10.0.0.9'], 60],
  ],
  ['a text', 'TXT', (q) => reply(q, 0, 16, text('v=spf1 -all')), ['found', ['v=spf1 -all'], undefined]],
  [
    'a mail server',
    'MX',
    (q) => reply(q, 0, 15, Buffer.concat([Buffer.from([0, 10, 2]), Buffer.from('mx'), Buffer.from([0])])),
    ['found', ['10 mx'], undefined],
  ],
  ['no such name', 'A', (q) => reply(q, 3), ['no such name', [], undefined]],
  ['nothing of that type', 'A', (q) => reply(q, 0), ['no such record', [], undefined]],
  ['a failure', 'A', (q) => reply(q, 2), 'protocol: SERVER failed to answer (SERVFAIL)'],
  ['a refusal', 'A', (q) => reply(q, 5), 'protocol: SERVER refused to answer (REFUSED)'],
]
test.each(answers)('%s', async (_, type, answer, wanted) => {
  expect(await ask(await serve(answer), type)).toEqual(wanted)
})

const nonsense: [string, (question: Buffer) => Buffer | undefined][] = [
  ['silence', () => undefined],
  ['noise', () => Buffer.from('nonsense, and more of it')],
  ['somebody else’s answer', (q) => reply(Buffer.concat([Buffer.from([q[0]! ^ 1]), q.subarray(1)]), 0)],
]
test.each(nonsense)('%s ends with the timeout', async (_, answer) => {
  expect(await ask(await serve(answer), 'A', 300)).toMatch(
    /^(timed out: SERVER sent no answer in time|protocol: SERVER answered nonsense)$/,
  )
})

test('an answer whose records are cut short is nonsense', async () => {
  const server = await serve((q) => reply(q, 0, 1, Buffer.from([10, 0, 0, 5])).subarray(0, -3))
  expect(await ask(server, 'A', 300)).toMatch(/^(timed out|protocol): SERVER/)
})
