import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Recording } from '../sdk/index.ts'
import { checkOnce, checkRecording } from './index.ts'

const secret = 'geheimnis-7f3a'

// It repeats whatever it is told, as the worst of error pages do: credentials plain, in base64, and in bytes.
let parrot: Server
let url = ''
beforeAll(async () => {
  parrot = createServer((request, response) => {
    response.setHeader('x-told', request.headers.authorization ?? '')
    response.end(JSON.stringify({ hits: 3, told: request.headers, secret }))
  }).listen(0, '127.0.0.1')
  await once(parrot, 'listening')
  url = `http://127.0.0.1:${(parrot.address() as AddressInfo).port}/?key=${secret}`
})
afterAll(() => {
  parrot.closeAllConnections()
  parrot.close()
})

/** Without what a mask changes: an answer is shorter by the secret that it repeated. */
function comparable(result: Awaited<ReturnType<typeof checkOnce>>) {
  return { ...result, durationMs: 0, metrics: result.metrics.filter(({ name }) => name !== 'size') }
}

async function recorded(request: Omit<Parameters<typeof checkOnce>[0], 'record'>) {
  let recording: Recording | undefined
  const result = await checkOnce({ ...request, record: (made) => (recording = made), version: '1.2.3' })
  return { result, text: JSON.stringify(recording), recording }
}

test('a recorded check plays back with the same result and holds no secret in any form', async () => {
  const { result, text, recording } = await recorded({
    monitor: 'http.response',
    connector: 'http',
    settings: { extract: { hits: '$.hits' } },
    connectorSettings: { url },
    credential: { type: 'basic', fields: { username: 'monitor', secret } },
  })
  const again = await checkRecording(text)
  const base64 = Buffer.from(`monitor:${secret}`).toString('base64')
  expect([
    [secret, base64].filter((form) => text.includes(form)),
    comparable(again),
    [recording?.version, recording?.monitor, recording?.connector],
  ]).toEqual([[], comparable(result), ['1.2.3', 'http.response', 'http']])
})

test('a target in trouble is recorded as well, and is in the same trouble again', async () => {
  const { result, text } = await recorded({
    monitor: 'tcp.port',
    connector: 'tcp',
    settings: {},
    connectorSettings: { host: '127.0.0.1', port: 1 },
  })
  expect({ ...(await checkRecording(text)), durationMs: 0 }).toEqual({ ...result, durationMs: 0 })
})

test.each([
  ['nothing', 'this is not a recording: it is not JSON, or a part of it is missing'],
  ['{"a":1}', 'this is not a recording of a monitor’s run'],
  ['{"farwatchRecording":2}', 'this recording has a form that this version of Farwatch does not know'],
])('%s is refused in words', async (text, words) => {
  await expect(checkRecording(text)).rejects.toMatchObject({ code: 'invalid-value', message: words })
})
