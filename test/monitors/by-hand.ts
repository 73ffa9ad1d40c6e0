import { PassThrough, Writable } from 'node:stream'
import { run } from '../../src/cli/program.ts'
import type { OpenCredential } from '../../src/sdk/index.ts'

/**
 * What a script gets of `farwatch check … --json`: the exit code and what became of it, such as `0 redis ran`, or the words of the failure.
 * Settings stand in the words of the command line, one `--set` for each.
 */
export async function byHand(
  id: string,
  place: Readonly<Record<string, unknown>>,
  about: {
    readonly settings?: Readonly<Record<string, unknown>>
    readonly credential?: OpenCredential
    readonly connector?: string
  } = {},
): Promise<string> {
  const { credential, connector, settings = {} } = about
  const set = [
    ...words(place, 'connector.'),
    ...words(settings, 'monitor.'),
    ...(credential === undefined ? [] : words(credential.fields, 'credential.')),
  ]
  const said = { out: '', err: '' }
  const to = (name: 'out' | 'err') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        said[name] += chunk.toString()
        done()
      },
    })
  const code = await run(
    {
      args: [
        'check',
        id,
        '--json',
        ...(connector === undefined ? [] : ['--connector', connector]),
        ...(credential === undefined ? [] : ['--credential', credential.type]),
        ...set.flatMap((word) => ['--set', word]),
      ],
      env: {},
      stdin: new PassThrough(),
      stdout: to('out'),
      stderr: to('err'),
      isInteractive: false,
      columns: 200,
    },
    '1.0.0',
  )
  if (said.err !== '') return `${code} ${said.err.trim()}`
  // As the command writes it.
  const result = JSON.parse(said.out) as {
    readonly monitor: string
    readonly outcome: string
    readonly message?: string
  }
  return `${code} ${result.monitor} ${result.outcome === 'ran' ? 'ran' : result.message}`
}

function words(settings: Readonly<Record<string, unknown>>, home: string): string[] {
  return Object.entries(settings).flatMap(([key, value]) =>
    value === undefined ? [] : [`${home}${key}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`],
  )
}
