// Lists, watches and creates services with @kubernetes/client-node: node custom_objects.mjs KUBECONFIG NAME IMAGE.
// Prints one JSON line: what was listed, and what the watch told until the service was Ready.
import * as k8s from '@kubernetes/client-node';

const [config, name, image] = process.argv.slice(2);
const kubeconfig = new k8s.KubeConfig();
kubeconfig.loadFromFile(config);
const at = { group: 'serving.knative.dev', version: 'v1', namespace: 'default', plural: 'services' };
const objects = kubeconfig.makeApiClient(k8s.CustomObjectsApi);
const ready = (object) => object.status?.conditions?.find((one) => one.type === 'Ready')?.status;

const before = await objects.listNamespacedCustomObject(at);
const told = [];
const watched = new Promise((resolve, reject) => {
  new k8s.Watch(kubeconfig).watch(
    `/apis/${at.group}/${at.version}/namespaces/${at.namespace}/${at.plural}`,
    { resourceVersion: before.metadata.resourceVersion },
    (type, object) => {
      if (object.metadata.name !== name) return;
      told.push([type, ready(object)]);
      if (ready(object) === 'True') resolve();
    },
    (error) => reject(error ?? new Error('the watch ended')));
});
await objects.createNamespacedCustomObject({
  ...at,
  body: {
    apiVersion: 'serving.knative.dev/v1', kind: 'Service', metadata: { name },
    spec: { template: { spec: { containers: [{ image }] } } },
  },
});
await watched;
const seen = [...told];  // the watch goes on and tells of what follows
await objects.patchNamespacedCustomObject({ ...at, name, body: [{ op: 'add', path: '/metadata/labels', value: { by: 'node' } }] });
const read = await objects.getNamespacedCustomObject({ ...at, name });
const after = await objects.listNamespacedCustomObject({ ...at, labelSelector: 'by=node' });
const named = (list) => list.items.map((one) => one.metadata.name);
const wouldGo = await objects.deleteCollectionNamespacedCustomObject({ ...at, labelSelector: 'by=node', dryRun: 'All' });
const gone = await objects.deleteCollectionNamespacedCustomObject({ ...at, labelSelector: 'by=node' });
const left = await objects.listNamespacedCustomObject({ ...at, labelSelector: 'by=node' });
console.log(JSON.stringify({
  told: seen, labels: read.metadata.labels, listed: named(after), wouldGo: named(wouldGo), gone: named(gone), left: named(left),
}));
process.exit(0);
