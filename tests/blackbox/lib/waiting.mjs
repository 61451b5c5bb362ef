/* SPDX-License-Identifier: MIT
 *
 * Calls that wait in the gateway: for a place, or for a model to be loaded.
 */

import * as http from './http.mjs';
import { Wire } from './wire.mjs';

/* What the gateway counts, once it @matches: a call may still be on its way to it. */
export async function untilMetrics(gateway, matches) {
  const wire = await gateway.connect();

  try {
    for (;;) {
      wire.write(http.request('GET', '/vampire/v1/metrics'));
      const metrics = (await http.readAnswer(wire)).json();

      if (matches(metrics))
        return metrics;
    }
  } finally {
    await wire.destroy();
  }
}

/* Resolves when so many calls wait. */
export const untilQueued = (gateway, n) => untilMetrics(gateway, ({ cluster }) => cluster.queue_depth === n);

/* Everything that is counted while something is under way, of the gateway and each of its models and nodes. */
export const underWay = ({ cluster, models, nodes }) => [
  cluster.active_requests, cluster.queue_depth, cluster.loads_in_flight,
  ...models.flatMap((model) => [model.active_requests, model.queued]),
  ...nodes.flatMap((node) => [node.active_requests, node.queue_depth]),
];

/* Resolves when nothing is under way any more, and nothing counted. */
export const untilIdle = (gateway) =>
  untilMetrics(gateway, (metrics) => underWay(metrics).every((figure) => figure === 0));

/* A request to a simulated node itself, behind the gateway's back; its answer's document. */
export async function tell(node, method, target, document) {
  const wire = await Wire.connect(node.port);

  wire.write(http.request(method, target, { body: document && JSON.stringify(document) }));
  const answer = await http.readAnswer(wire);
  await wire.destroy();
  return answer.json();
}
