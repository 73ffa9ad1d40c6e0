import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engineQuestion } from '../../src/connectors/snmp/engine.ts'
import { freePort, run, scratch } from './processes.ts'
import { answering } from './udp.ts'

export interface Snmpd {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly community: 'g3heim-community'
  readonly passphrase: 'long-passphrase-1'
  readonly privacyPassphrase: 'long-passphrase-2'
  stop(): Promise<void>
  restart(): Promise<void>
}

/**
 * A real net-snmp agent on a free port. It knows the community for versions 1 and 2c, and for version 3 the users `sha` (SHA-1, AES),
 * `sha256` (SHA-256, AES-256), `md5` (MD5, DES), `open` (SHA-1 alone) and `nobody` (no secret).
 */
export async function startSnmpd(): Promise<Snmpd> {
  const directory = await scratch('snmpd')
  const port = await freePort()
  const [community, passphrase, privacyPassphrase] = [
    'g3heim-community',
    'long-passphrase-1',
    'long-passphrase-2',
  ] as const
  try {
    await writeFile(
      join(directory.path, 'snmpd.conf'),
      [
        `agentaddress udp:127.0.0.1:${port}`,
        `rocommunity ${community} 127.0.0.1`,
        `createUser sha SHA ${passphrase} AES ${privacyPassphrase}`,
        `createUser sha256 SHA-256 ${passphrase} AES-256 ${privacyPassphrase}`,
        `createUser md5 MD5 ${passphrase} DES ${privacyPassphrase}`,
        `createUser open SHA ${passphrase}`,
        'createUser nobody',
        'rouser sha priv',
        'rouser sha256 priv',
        'rouser md5 priv',
        'rouser open auth',
        'rouser nobody noauth',
        'sysName test-device',
        'sysLocation shelf',
        'extend -cacheTime 1 words /bin/echo 23.5',
        '',
      ].join('\n'),
    )
    const start = async () => {
      const server = run('/usr/sbin/snmpd', [
        '-f',
        '-Lo',
        '-C',
        '-c',
        join(directory.path, 'snmpd.conf'),
        '-p',
        join(directory.path, 'pid'),
        `--persistentDir=${join(directory.path, 'state')}`,
      ])
      await answering(port, engineQuestion, server)
      return server
    }
    let server = await start()
    return {
      host: '127.0.0.1',
      port,
      community,
      passphrase,
      privacyPassphrase,
      async stop() {
        await server.stop()
        await directory.remove()
      },
      async restart() {
        await server.stop()
        server = await start()
      },
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}
