import { defineMonitor, dnsRecordTypes } from '../sdk/index.ts'

/** Asks for a name as a program would. Threshold: a second, as programs begin to notice and resolvers to repeat. */
export default defineMonitor({
  id: 'dns.lookup',
  title: 'DNS lookup',
  summary: 'Asks a name server for a name and compares the answers with the expected ones.',
  connector: 'dns',
  settings: {
    name: {
      kind: 'text',
      label: 'Name',
      help: 'The name asked for; for PTR an address will do.',
      maxLength: 253,
      pattern: '[A-Za-z0-9_*:][A-Za-z0-9_.:\\-]*',
      example: 'www.example',
    },
    type: { kind: 'choice', label: 'Record type', of: dnsRecordTypes, default: 'A' },
    expected: {
      kind: 'list',
      label: 'Expected answers',
      help: 'Each as in a zone file: `10.0.0.5`, `10 mail.example`. Empty: any answer will do.',
      of: { kind: 'text', label: 'Answer' },
      maxItems: 50,
      default: [],
    },
    match: {
      kind: 'choice',
      label: 'Of the expected answers',
      help: 'all: each must be there, others may be as well. any: one of them suffices. exactly: these and no others.',
      of: ['all', 'any', 'exactly'],
      default: 'all',
    },
  },
  metrics: {
    duration: { title: 'From the question to the answer', unit: 'ms' },
    answers: { title: 'Number of answers', unit: '' },
    ttl: { title: 'Time the answers may be kept', unit: 's' },
  },
  period: '1m',
  timeout: '10s',
  tested: 'real server',
  thresholdsFrom:
    'Our own judgement: a resolver asks again after a second or two, which users notice; nothing later than that is an answer to them.',
  tryIt:
    '`farwatch check dns.lookup --set name=www.example.org --set server=192.0.2.53` with an address nobody answers at raises “no answer”; `--set expected=192.0.2.1` shows an answer that is not the expected one.',
  rules: [
    { name: 'no answer', metric: 'failed', thresholds: { CRITICAL: '> 0' } },
    { name: 'slow', metric: 'duration', thresholds: { WARNING: '> 1s', MAJOR: '> 3s' }, for: '1m' },
  ],
  async collect({ name, type, expected, match }, { client, signal }) {
    const seen = await client.query(name, type, signal)
    const failure =
      seen.status === 'found'
        ? mismatch(expected, seen.answers, match)
        : seen.status === 'no such name'
          ? 'there is no such name'
          : `there is no ${type} record`
    return {
      metrics: {
        duration: seen.duration,
        answers: seen.answers.length,
        ...(seen.ttl === undefined ? {} : { ttl: seen.ttl }),
      },
      facts: { answers: seen.answers.join(', ').slice(0, 1_000) },
      message: seen.answers.slice(0, 5).join(', ').slice(0, 500),
      ...(failure === undefined
        ? {}
        : { failure: { reason: 'assertion' as const, message: `${name} at ${client.server}: ${failure}` } }),
    }
  },
})

/** Names are the same in capitals and with a dot at the end. */
function plain(answer: string): string {
  return answer.trim().toLowerCase().replace(/\.$/, '')
}

function mismatch(expected: readonly string[], answers: readonly string[], match: string): string | undefined {
  if (expected.length === 0) return undefined
  const seen = new Set(answers.map(plain))
  const missing = expected.filter((one) => !seen.has(plain(one)))
  if (match === 'any') {
    return missing.length < expected.length ? undefined : `none of the expected answers came, but ${some(answers)}`
  }
  if (missing.length > 0) return `the answer ${some(missing)} is missing; ${some(answers)} came`
  const wanted = new Set(expected.map(plain))
  const others = answers.filter((one) => !wanted.has(plain(one)))
  return match === 'exactly' && others.length > 0 ? `the answer ${some(others)} is not expected` : undefined
}

function some(answers: readonly string[]): string {
  return answers.slice(0, 5).join(', ').slice(0, 200)
}
