import { createSecretKey, randomBytes } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { expect, test } from 'vitest'
import { FarwatchError } from '../base/index.ts'
import { readPublicKey } from '../platform/wire/index.ts'
import { Sealer, openCredential, openRequestKey, sealCredential, sealRequestKey } from './sealing.ts'
import { makeKeys } from './testing.ts'

const keys = makeKeys()
const { key } = readPublicKey(keys.sealing.publicKey, 'x25519')
const to = { agent: keys.signer.uuid, group: 'acme' }
const credential = { type: 'basic', fields: { username: 'u', password: 'hunter2 äöü' } }

/** As anybody can seal it who knows the agent's public key. */
const ofNothing = (type: string) =>
  new CompactEncrypt(Buffer.from('null')).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: type }).encrypt(key)

test('only the agent, for the group, with the key it was sealed to opens a credential', async () => {
  const sealed = await sealCredential(credential, to, key)
  const other = makeKeys()
  const open = (text: string, whom = to, by = keys) =>
    openCredential(text, whom, by.sealing.privateKey).catch((thrown: unknown) =>
      thrown instanceof FarwatchError && !thrown.message.includes('hunter2') ? thrown.code : String(thrown),
    )
  const parts = sealed.split('.')
  const changed = [...parts.slice(0, 3), `${parts[3]!.startsWith('A') ? 'B' : 'A'}${parts[3]!.slice(1)}`, parts[4]]
  expect({
    clear: sealed.includes('hunter2'),
    opened: [
      await open(sealed),
      await open(sealed, { ...to, group: 'globex' }),
      await open(sealed, { ...to, agent: other.signer.uuid }),
      await open(sealed, to, other),
      await open(changed.join('.')),
      await open(''),
      await open(await ofNothing('farwatch-credential')),
    ],
  }).toEqual({
    clear: false,
    opened: [credential, 'forbidden', 'forbidden', 'forbidden', 'forbidden', 'forbidden', 'forbidden'],
  })
})

test('only the agent with the key it was sealed to opens a request key, and nothing else passes for one', async () => {
  const made = { id: 'k', secret: createSecretKey(randomBytes(32)) }
  const sealed = await sealRequestKey(made, to.agent, key)
  const other = makeKeys()
  const open = async (text: string, agent = to.agent, by = keys) => {
    const opened = await openRequestKey(text, agent, by.sealing.privateKey)
    return opened === undefined ? 'closed' : { id: opened.id, isSame: opened.secret.equals(made.secret) }
  }
  const short = await sealRequestKey({ id: 'k', secret: createSecretKey(randomBytes(8)) }, to.agent, key)
  expect([
    await open(sealed),
    await open(sealed, other.signer.uuid),
    await open(sealed, to.agent, other),
    await open(await sealCredential(credential, to, key)),
    await open(short),
    await open(''),
    await open(await ofNothing('farwatch-request-key')),
  ]).toEqual([{ id: 'k', isSame: true }, 'closed', 'closed', 'closed', 'closed', 'closed', 'closed'])
})

test('what is the same is sealed once, and named anew when it changes or another may open it', async () => {
  const sealer = new Sealer()
  const name = sealer.nameOf(credential, to, 'key 1')
  const names = [
    sealer.nameOf({ ...credential }, { ...to }, 'key 1'),
    sealer.nameOf({ ...credential, fields: { username: 'u', password: 'other' } }, to, 'key 1'),
    sealer.nameOf(credential, { ...to, group: 'globex' }, 'key 1'),
    sealer.nameOf(credential, to, 'key 2'),
    new Sealer().nameOf(credential, to, 'key 1'),
  ]
  const twice = [await sealer.seal(name, credential, to, key), await sealer.seal(name, credential, to, key)]
  expect([names.map((each) => each === name), twice[0] === twice[1]]).toEqual([
    [true, false, false, false, false],
    true,
  ])
})
