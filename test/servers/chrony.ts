import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { question } from '../../src/connectors/ntp/packet.ts'
import { freePort, run, scratch } from './processes.ts'
import { answering } from './udp.ts'

export interface Chrony {
  readonly host: '127.0.0.1'
  readonly port: number
  stop(): Promise<void>
}

/** A real chronyd on a free port that tells the time of this machine and never touches its clock. `lines` are added to its configuration. */
export async function startChrony(lines: readonly string[] = ['local stratum 3']): Promise<Chrony> {
  const directory = await scratch('chrony')
  const port = await freePort()
  const configuration = join(directory.path, 'chrony.conf')
  await writeFile(
    configuration,
    [
      `port ${port}`,
      'cmdport 0',
      'bindaddress 127.0.0.1',
      'allow 127.0.0.1',
      `pidfile ${join(directory.path, 'pid')}`,
      'bindcmdaddress /',
      ...lines,
      '',
    ].join('\n'),
  )
  // -x: no control of the system clock. -U: also without root, whom that would be for.
  const server = run(
    '/usr/sbin/chronyd',
    ['-x', '-U', '-d', '-u', process.getuid?.() === 0 ? 'root' : '', '-f', configuration].filter(
      (word, i, all) => word !== '' && !(word === '-u' && all[i + 1] === ''),
    ),
  )
  try {
    await answering(port, question(Buffer.from('farwatch')), server)
  } catch (error) {
    await server.stop()
    await directory.remove()
    throw error
  }
  return {
    host: '127.0.0.1',
    port,
    async stop() {
      await server.stop()
      await directory.remove()
    },
  }
}
