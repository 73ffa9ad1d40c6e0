import { expect, test } from 'vitest'
import { TargetError, type SapHttpClient, type SapPage } from '../sdk/index.ts'
import { certificateLasting, collectOnce, expectSound, judgedBy } from '../sdk/testing.ts'
import sapHttp from './sap.http.ts'

const infoPage = `<?xml version="1.0"?><SOAP-ENV:Envelope><SOAP-ENV:Body><rfc:RFC_SYSTEM_INFO.Response><RFCSI>
  <RFCHOST>fwapp1  </RFCHOST><RFCSYSID>FW1</RFCSYSID><RFCDEST>fwapp1_FW1_01</RFCDEST><RFCSAPRL>755</RFCSAPRL>
  <RFCKERNRL>777</RFCKERNRL><RFCDBSYS>HDB</RFCDBSYS></RFCSI></rfc:RFC_SYSTEM_INFO.Response></SOAP-ENV:Body></SOAP-ENV:Envelope>`

type Said = Partial<Record<SapPage, number | TargetError>>

async function run(
  said: Said,
  about: { signsIn?: boolean; messageServer?: boolean; total?: number; days?: number } = {},
) {
  const asked: SapPage[] = []
  const client: SapHttpClient = {
    target: 'sapapp1:44300',
    signsIn: about.signsIn ?? true,
    hasMessageServer: about.messageServer ?? false,
    async page(page) {
      asked.push(page)
      const answer = said[page] ?? 200
      if (answer instanceof TargetError) throw answer
      return {
        status: answer,
        text: page === 'info' ? infoPage : 'ok',
        phases: { firstByte: 1, total: about.total ?? 5 },
        ...(about.days === undefined ? {} : { certificate: certificateLasting(about.days) }),
      }
    },
    readTable: () => Promise.reject(new Error('no table is asked for')),
  }
  const seen = await collectOnce(sapHttp, {}, { client })
  expectSound(sapHttp, seen)
  return { seen, asked }
}

test('each page is measured, and the system is described by what it says of itself', async () => {
  const { seen, asked } = await run({}, { messageServer: true })
  const item = (page: string, value: number) => ({ labels: { page }, value })
  expect([asked, seen.metrics, seen.facts, seen.message, judgedBy(sapHttp, seen)]).toEqual([
    ['ping', 'info', 'logon', 'messageServer'],
    {
      up: [item('ping', 1), item('info', 1), item('logon', 1), item('messageServer', 1)],
      offered: [item('ping', 1), item('info', 1), item('logon', 1), item('messageServer', 1)],
      duration: [item('ping', 5), item('info', 5), item('logon', 5), item('messageServer', 5)],
      signed_in: 1,
    },
    { system: 'FW1', host: 'fwapp1', server: 'fwapp1_FW1_01', release: '755', kernel: '777', database: 'HDB' },
    'answers',
    {},
  ])
})

// what the pages say → what the default rules say
const verdicts: [string, Said, Record<string, string>][] = [
  ['pages that are not offered', { ping: 404, info: 403, logon: 403 }, {}],
  ['a server in trouble', { ping: 503 }, { 'page down': 'CRITICAL' }],
  [
    'a message server that is gone',
    { messageServer: new TargetError('refused', 'refused') },
    { 'page down': 'CRITICAL' },
  ],
  ['a wrong password', { logon: new TargetError('credentials', 'refused the user') }, { 'user refused': 'MAJOR' }],
]
test.each(verdicts)('%s', async (_, said, verdict) => {
  expect(judgedBy(sapHttp, (await run(said, { messageServer: true })).seen)).toEqual(verdict)
})

test('a page that takes long raises', async () => {
  expect(judgedBy(sapHttp, (await run({}, { total: 5_001 })).seen)).toEqual({ 'slow page': 'WARNING' })
})

test('a certificate that ends soon raises', async () => {
  const lasting = async (days: number) => judgedBy(sapHttp, (await run({}, { days })).seen)
  expect([await lasting(29), await lasting(90)]).toEqual([{ 'certificate ends': 'WARNING' }, {}])
})

test('without a user nobody signs in, and where nothing listens the run fails', async () => {
  expect((await run({}, { signsIn: false })).asked).toEqual(['ping', 'info'])
  await expect(run({ ping: new TargetError('refused', 'connection refused') })).rejects.toThrow('refused')
})
