import type {} from '@jupyterlab/galata'; // for `window.jupyterapp`
import { expect, test } from '@playwright/test';

import { SCOPE, unstage } from '../panel';

const NOTEBOOK = 'smoke.ipynb';
const EMPTY = {
  cells: [],
  metadata: {
    kernelspec: {
      name: 'python3',
      display_name: 'Python 3',
      language: 'python'
    }
  },
  nbformat: 4,
  nbformat_minor: 5
};

/** What the tests of JupyterLab 4.2 and Notebook 7 have in common: no Galata, which is made for the newest. */
test('search, stage, and see it done', async ({ page }, info) => {
  await unstage(page.request, '*tid44561297*');
  const errors: string[] = [];
  page.on('pageerror', error => {
    // Notebook 7 has an error of its own while it loads its menus.
    if (error.stack?.includes('rucio-jupyterlab')) {
      errors.push(error.message);
    }
  });
  const notebook = info.project.name === 'notebook';
  if (notebook) {
    await page.request.put(`api/contents/${NOTEBOOK}`, {
      data: { type: 'notebook', format: 'json', content: EMPTY }
    });
    await page.goto(`notebooks/${NOTEBOOK}`);
  } else {
    await page.goto('lab');
  }
  await page.waitForFunction(() =>
    window.jupyterapp?.commands.hasCommand('rucio:show-panel')
  );
  await page.evaluate(async () => {
    await window.jupyterapp.restored;
    await window.jupyterapp.commands.execute('rucio:show-panel');
  });
  const panel = page.getByRole('region', { name: 'Rucio', exact: true });
  await expect(panel).toBeVisible();
  await panel.getByLabel('Scope', { exact: true }).fill(SCOPE);
  await panel.getByLabel('Name', { exact: true }).fill('*tid44561297*');
  await panel.getByRole('button', { name: 'Search', exact: true }).click();
  await panel.getByRole('treeitem').first().click();
  await panel.getByRole('button', { name: 'Stage', exact: true }).click();
  await panel.getByRole('tab', { name: /Jobs/ }).click();
  await expect(panel).toContainText('20 files, verified', { timeout: 60_000 });
  await page.screenshot({ path: info.outputPath('done.png') });
  expect(errors).toEqual([]);
});
