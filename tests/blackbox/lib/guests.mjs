/* SPDX-License-Identifier: MIT
 *
 * Other people's computers, which come in by the door that is open while a gateway shares. Here it has an address of
 * the loopback network that is not the gateway's own.
 */

import * as http from './http.mjs';
import { Wire } from './wire.mjs';

export const DOOR = '127.0.0.2';

/* The environment of a gateway that has such a door. */
export const AT_DOOR = { VAMPIRE_SHARE_ADDRESS: DOOR };

export const bearer = (key) => (key === undefined ? [] : [['Authorization', `Bearer ${key}`]]);

/* Sets the share mode. @more: duration, model */
export const share = (gateway, mode, more = {}) => gateway.call('POST', '/share', { mode, enabled: true, ...more });

export const stopSharing = (gateway) => gateway.call('POST', '/share', { mode: 'off', enabled: false });

/* A new client key, with its secret as .key. */
export const createKey = (gateway, name = 'guest', more = {}) => gateway.call('POST', '/keys', { name, ...more });

export const revoke = (gateway, { id }) => gateway.call('DELETE', `/keys/${id}`);

/* A connection from outside. */
export const visit = (gateway, address = DOOR) => Wire.connect(gateway.port, address);

/* Whether anybody listens at the door. */
export async function isOpen(gateway, address = DOOR) {
  try {
    await (await visit(gateway, address)).destroy();
    return true;
  } catch (error) {
    if (error.code !== 'ECONNREFUSED')
      throw error;
    return false;
  }
}

/* One request on a connection of its own, and its answer. Options are those of http.request(), and the key's secret. */
export async function askAsGuest(gateway, method, target, { key, address, fields = [], ...options } = {}) {
  const wire = await visit(gateway, address);

  wire.write(http.request(method, target, { host: `${address ?? DOOR}:${gateway.port}`, ...options,
                                            fields: [...bearer(key), ...fields] }));
  const answer = await http.readAnswer(wire, { method });
  await wire.destroy();
  return answer;
}
