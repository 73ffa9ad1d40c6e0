import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type Snmp from 'net-snmp'

/**
 * DES for devices that know nothing better (RFC 3414, 8). The OpenSSL of today has it no more by itself, which the library relies on; in
 * triple DES with the same key three times it lives on, for the second pass takes back the first.
 */
export function teachDes(snmp: typeof Snmp): void {
  const parts = (password: string, authProtocol: number, engine: { readonly engineID: Buffer }) => {
    // Not called without authentication: there is no encryption without it.
    const key = snmp.Authentication.passwordToKey(
      authProtocol as Exclude<Snmp.AuthProtocols, 1>,
      password,
      engine.engineID,
    )
    const des = key.subarray(0, 8)
    const mask = key.subarray(8, 16)
    return {
      key: Buffer.concat([des, des, des]),
      iv: (salt: Buffer) => Buffer.from(mask.map((byte, i) => byte ^ (salt[i] ?? 0))),
    }
  }
  Object.assign(snmp.Encryption.algorithms[snmp.PrivProtocols.des], {
    encryptPdu(pdu: Buffer, _: number, password: string, authProtocol: number, engine: { readonly engineID: Buffer }) {
      const { key, iv } = parts(password, authProtocol, engine)
      const salt = randomBytes(8)
      const whole = Buffer.concat([pdu, Buffer.alloc((8 - (pdu.length % 8)) % 8)])
      const cipher = createCipheriv('des-ede3-cbc', key, iv(salt)).setAutoPadding(false)
      return { encryptedPdu: Buffer.concat([cipher.update(whole), cipher.final()]), msgPrivacyParameters: salt }
    },
    decryptPdu(
      encrypted: Buffer,
      _: number,
      salt: Buffer,
      password: string,
      authProtocol: number,
      engine: { readonly engineID: Buffer },
    ) {
      const { key, iv } = parts(password, authProtocol, engine)
      const decipher = createDecipheriv('des-ede3-cbc', key, iv(salt)).setAutoPadding(false)
      return Buffer.concat([decipher.update(encrypted), decipher.final()])
    },
  })
}
