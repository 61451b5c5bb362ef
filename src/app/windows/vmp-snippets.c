/* SPDX-License-Identifier: MIT
 *
 * See vmp-snippets.h. Each is a text in which two words stand for the address and the key.
 */

#include "app/windows/vmp-snippets.h"

#include <glib/gi18n.h>

#define URL_MARK "@URL@"
#define KEY_MARK "@KEY@"

/* What most programs want to have, and this gateway ignores when it asks for no token. */
#define NO_KEY "unused"
#define OWNERS_KEY "YOUR_TOKEN"

#define LOOPBACK "http://127.0.0.1"
#define LOCALHOST "http://localhost"

typedef struct {
  const char *name;
  const char *advice;
  const char *text;
} Snippet;

static const Snippet snippets[] = {
  {
    "curl", N_("In a terminal."),
    "curl @URL@/chat/completions \\\n"
    "  -H 'Content-Type: application/json' \\\n"
    "  -H 'Authorization: Bearer @KEY@' \\\n"
    "  -d '{\"model\": \"vampire:auto\",\n"
    "       \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}'"
  },
  {
    "Python", N_("With the package “openai”: pip install openai"),
    "from openai import OpenAI\n"
    "\n"
    "client = OpenAI(base_url=\"@URL@\", api_key=\"@KEY@\")\n"
    "answer = client.chat.completions.create(\n"
    "    model=\"vampire:auto\",\n"
    "    messages=[{\"role\": \"user\", \"content\": \"Hello!\"}],\n"
    ")\n"
    "print(answer.choices[0].message.content)"
  },
  {
    "JavaScript", N_("With the package “openai”: npm install openai"),
    "import OpenAI from \"openai\";\n"
    "\n"
    "const client = new OpenAI({ baseURL: \"@URL@\", apiKey: \"@KEY@\" });\n"
    "const answer = await client.chat.completions.create({\n"
    "  model: \"vampire:auto\",\n"
    "  messages: [{ role: \"user\", content: \"Hello!\" }],\n"
    "});\n"
    "console.log(answer.choices[0].message.content);"
  },
  {
    "Open WebUI", N_("Start it with these variables, or enter the same under Admin Panel, Settings, Connections, "
                     "OpenAI API. In a container it needs the network of this computer (--network=host)."),
    "OPENAI_API_BASE_URL=@URL@ \\\n"
    "OPENAI_API_KEY=@KEY@ \\\n"
    "open-webui serve"
  },
  {
    "Continue", N_("In the file ~/.continue/config.yaml."),
    "name: Vampire\n"
    "version: 1.0.0\n"
    "schema: v1\n"
    "models:\n"
    "  - name: Vampire\n"
    "    provider: openai\n"
    "    model: vampire:auto\n"
    "    apiBase: @URL@\n"
    "    apiKey: @KEY@\n"
    "    roles: [chat, edit, apply]"
  },
  {
    "VS Code", N_("Run the command “Chat: Manage Language Models”, add a Custom Endpoint for chat completions, and "
                  "give it this list of models."),
    "\"models\": [\n"
    "  {\n"
    "    \"id\": \"vampire:auto\",\n"
    "    \"name\": \"Vampire\",\n"
    "    \"url\": \"@URL@/chat/completions\",\n"
    "    \"toolCalling\": true,\n"
    "    \"vision\": false,\n"
    "    \"maxInputTokens\": 28000,\n"
    "    \"maxOutputTokens\": 4000\n"
    "  }\n"
    "]"
  },
  {
    "Zed", N_("In settings.json. Zed asks for a key in its agent’s settings: any text will do where this computer "
              "needs none."),
    "\"language_models\": {\n"
    "  \"openai_compatible\": {\n"
    "    \"Vampire\": {\n"
    "      \"api_url\": \"@URL@\",\n"
    "      \"available_models\": [\n"
    "        { \"name\": \"vampire:auto\", \"max_tokens\": 32000 }\n"
    "      ]\n"
    "    }\n"
    "  }\n"
    "}"
  },
};

guint
vmp_snippets_get_n (void)
{
  return G_N_ELEMENTS (snippets);
}

const char *
vmp_snippets_get_name (guint index)
{
  g_return_val_if_fail (index < G_N_ELEMENTS (snippets), NULL);

  return snippets[index].name;
}

const char *
vmp_snippets_get_advice (guint index)
{
  g_return_val_if_fail (index < G_N_ELEMENTS (snippets), NULL);

  return _(snippets[index].advice);
}

char *
vmp_snippets_make (guint       index,
                   const char *base_url,
                   gboolean    needs_token)
{
  g_autoptr (GString) text = NULL;

  g_return_val_if_fail (index < G_N_ELEMENTS (snippets), NULL);
  g_return_val_if_fail (base_url != NULL, NULL);

  text = g_string_new (snippets[index].text);
  g_string_replace (text, URL_MARK, base_url, 0);
  g_string_replace (text, KEY_MARK, needs_token ? OWNERS_KEY : NO_KEY, 0);

  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
vmp_snippets_base_url (const char *url)
{
  g_return_val_if_fail (url != NULL, NULL);

  if (g_str_has_prefix (url, LOOPBACK ":"))
    return g_strconcat (LOCALHOST, url + sizeof LOOPBACK - 1, "/v1", NULL);

  return g_strconcat (url, "/v1", NULL);
}
