import { expect, test } from '@jupyterlab/galata';
import type { IJupyterLabPageFixture } from '@jupyterlab/galata';

import { openPanel, type Panel, SCOPE, unstage } from '../panel';

async function select(panel: Panel, instance: string): Promise<void> {
  await panel.button(/^Instance:/).click();
  await panel.page.getByRole('menuitem', { name: instance }).click();
}

/** Take Rucio away, or bring it back. */
async function rucio(
  page: IJupyterLabPageFixture,
  change: 'stop' | 'start'
): Promise<void> {
  const { control } = test.info().config.metadata;
  await page.request.post(`${control}/rucio/${change}`);
}

test('a wrong password is refused in the form, and a right one signs in', async ({
  page
}) => {
  await page.request.post('rucio-jupyterlab/v1/instances/locked/signout', {
    data: {}
  });
  const panel = await openPanel(page);
  await select(panel, 'Locked grid');
  await expect(panel.root).toContainText('Sign in to Locked grid');
  await panel.root.getByLabel('Sign in with').selectOption('userpass');
  await panel.root.getByLabel('User name', { exact: true }).fill('alice');
  await panel.root.getByLabel('Password', { exact: true }).fill('wrong');
  await panel.button('Sign in').click();
  // Rucio knows two accounts of hers, and lets her choose before it looks at the password.
  const alert = panel.root.getByRole('alert');
  await expect(alert).toContainText('Choose one of your accounts');
  const account = panel.root.getByLabel('Account', { exact: true });
  await expect(account.getByRole('option')).toHaveText(['alice', 'higgs']);
  await account.selectOption('alice');
  await panel.button('Sign in').click();
  await expect(alert).not.toContainText('Choose');
  await expect(panel.root.getByLabel('User name', { exact: true })).toHaveValue(
    'alice'
  );

  await panel.root.getByLabel('Password', { exact: true }).fill('alice-secret');
  await panel.button('Sign in').click();
  await expect(panel.button(/^Account: alice · .* left/)).toBeVisible();

  await panel.button(/^Account:/).click();
  await expect(
    page
      .getByRole('menuitemcheckbox', { name: 'higgs' })
      .or(page.getByRole('menuitem', { name: 'higgs' }))
  ).toBeVisible();
  await page.getByRole('menuitem', { name: 'Sign Out' }).click();
  await expect(panel.root).toContainText('Sign in to Locked grid');
  await select(panel, 'Test grid');
});

test('while Rucio is down the panel says so, and goes on after', async ({
  page
}) => {
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*Zmumu*');
  await expect(panel.rows.first()).toBeVisible();
  await rucio(page, 'stop');
  try {
    await panel.search(SCOPE, '*');
    await expect(panel.root).toContainText('The search was not answered', {
      timeout: 60_000
    });
    await expect(panel.button('Try again')).toBeVisible();
    await panel.tab(/Jobs/).click(); // what needs no Rucio still works
    await expect(panel.root).toContainText('Store:');
    await panel.tab('Explore').click();
  } finally {
    await rucio(page, 'start');
  }
  await panel.button('Try again').click();
  await expect(panel.rows.first()).toBeVisible({ timeout: 30_000 });
});

test('what is asked while the Jupyter server is away is answered once it is back', async ({
  page
}) => {
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*CorruptReplica*');
  await expect(panel.rows.first()).toContainText('RSEs');
  const name = panel.root.getByLabel('Name', { exact: true });
  await name.fill('*ON_TAPE_ONLY*');
  const ours = /rucio-jupyterlab\/v1\//; // for JupyterLab it is there, so that it tells nothing
  await page.route(ours, route => route.abort('connectionrefused'));
  await name.press('Enter');
  await expect(panel.root).toContainText('Offline');
  await expect(panel.button('Try again')).toBeVisible();
  await page.unroute(ours);
  await expect(panel.row('ON_TAPE_ONLY')).toBeVisible({ timeout: 30_000 });
});

test('a killed engine comes back, and the job goes on', async ({ page }) => {
  await unstage(page.request, '*5000SMALLFILES*');
  const panel = await openPanel(page);
  await panel.search(SCOPE, '*5000SMALLFILES*');
  await panel.row('5000SMALLFILES').click();
  await panel.button('Stage').click();
  await panel.tab(/Jobs/).click();
  const job = panel.job('5000SMALLFILES');
  await expect(job).toContainText(/[1-9][\d,]* \/ [\d,]+ files/);

  const answer = await page.request.get('rucio-jupyterlab/v1/engine');
  const { engine } = await answer.json();
  process.kill(engine.pid, 'SIGKILL');

  await expect(job).toContainText('5,000 files, verified', {
    timeout: 60_000
  });
});
