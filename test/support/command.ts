import { PassThrough, Writable } from 'node:stream'
import { run } from '../../src/cli/program.ts'

/** Runs a command as a person at a terminal of 80 columns would. `types`: what the person types. */
export async function runCommand(
  args: readonly string[],
  { url, token, types }: { readonly url: string; readonly token: string; readonly types?: string },
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const written = { out: '', err: '' }
  const to = (name: 'out' | 'err') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        written[name] += chunk.toString()
        done()
      },
    })
  const stdin = new PassThrough()
  if (types !== undefined) stdin.write(types)
  const code = await run(
    {
      args: [...args, '--url', url, '--token', token],
      env: {},
      stdin,
      stdout: to('out'),
      stderr: to('err'),
      isInteractive: true,
      columns: 80,
    },
    '1.0.0',
  )
  return { code, ...written }
}
