/* SPDX-License-Identifier: MIT
 *
 * Tests of inventories: the lists of LM Studio, OpenAI-compatible servers and Ollama as they come over the wire, and
 * lists that no server should send.
 */

#include "nodes/vmp-inventory.h"

#include <gio/gio.h>
#include <string.h>

#include "core/vmp-limits.h"

/* -- Helpers ------------------------------------------------------------------------------- */

/* JSON in single quotes, so that it can be read here. */
static char *
json (const char *text)
{
  return g_strdelimit (g_strdup (text), "'", '"');
}

static VmpInventory *
parse_from (VmpListKind kind,
            const char *text,
            const char *server)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *body = json (text);
  VmpInventory *inventory = vmp_inventory_parse (kind, body, strlen (body), server, &error);

  g_assert_no_error (error);
  g_assert_nonnull (inventory);
  g_assert_cmpint (inventory->list, ==, kind);
  g_assert_cmpuint (g_hash_table_size (inventory->by_id), ==, inventory->models->len);

  return inventory;
}

static VmpInventory *
parse (VmpListKind kind,
       const char *text)
{
  return parse_from (kind, text, NULL);
}

static VmpInventory *
parse_cards (VmpListKind kind,
             const char *cards)
{
  gboolean is_models = kind == VMP_LIST_LMSTUDIO_V1 || kind == VMP_LIST_OLLAMA;
  g_autofree char *text = g_strdup_printf ("{'%s':[%s]}", is_models ? "models" : "data", cards);

  return parse (kind, text);
}

static void
assert_no_list (VmpListKind kind,
                const char *text,
                const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *body = json (text);
  g_autoptr (VmpInventory) inventory = vmp_inventory_parse (kind, body, strlen (body), NULL, &error);

  if (inventory != NULL)
    g_error ("taken for a list: %s", text);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  if (message != NULL)
    g_assert_cmpstr (error->message, ==, message);
}

static const VmpModel *
get_model (VmpInventory *inventory,
           const char   *id)
{
  const VmpModel *model = g_hash_table_lookup (inventory->by_id, id);

  if (model == NULL)
    g_error ("there is no %s", id);
  g_assert_cmpstr (model->id, ==, id);

  return model;
}

/* The only model of an inventory. */
static const VmpModel *
get_one (VmpInventory *inventory)
{
  g_assert_cmpuint (inventory->models->len, ==, 1);

  return inventory->models->pdata[0];
}

static void
assert_source (const VmpModel *model,
               VmpModelFact    fact,
               VmpFactSource   source)
{
  g_assert_cmpstr (vmp_fact_source_to_string (model->sources[fact]), ==, vmp_fact_source_to_string (source));
}

static void
assert_kind (const VmpModel *model,
             VmpModelKind    kind,
             VmpFactSource   source)
{
  g_assert_cmpstr (vmp_model_kind_to_string (model->kind), ==, vmp_model_kind_to_string (kind));
  assert_source (model, VMP_MODEL_FACT_KIND, source);
}

static void
assert_instance (const VmpModel *model,
                 guint           which,
                 const char     *id,
                 gint64          context_length,
                 guint           parallel)
{
  const VmpModelInstance *instance;

  g_assert_cmpuint (which, <, model->instances->len);
  instance = model->instances->pdata[which];
  g_assert_cmpstr (instance->id, ==, id);
  g_assert_cmpint (instance->context_length, ==, context_length);
  g_assert_cmpuint (instance->parallel, ==, parallel);
}

/* The ids in order, with commas. */
static void
assert_ids (VmpInventory *inventory,
            const char   *expected,
            guint         n_skipped)
{
  g_autoptr (GString) ids = g_string_new (NULL);

  for (guint i = 0; i < inventory->models->len; i++)
    {
      const VmpModel *model = inventory->models->pdata[i];

      g_string_append_printf (ids, "%s%s", i > 0 ? "," : "", model->id);
    }

  g_assert_cmpstr (ids->str, ==, expected);
  g_assert_cmpuint (inventory->n_skipped, ==, n_skipped);
}

/* -- Names --------------------------------------------------------------------------------- */

static void
test_providers (void)
{
  VmpProvider provider;

  for (guint i = 0; i < VMP_N_PROVIDERS; i++)
    {
      g_assert_true (vmp_provider_from_string (vmp_provider_to_string (i), &provider));
      g_assert_cmpint (provider, ==, i);
      g_assert_nonnull (vmp_provider_get_name (i));
    }

  g_assert_false (vmp_provider_from_string ("LM Studio", &provider));
  g_assert_false (vmp_provider_from_string ("", &provider));
  g_assert_false (vmp_provider_from_string (NULL, &provider));
  g_assert_cmpstr (vmp_provider_to_string (VMP_PROVIDER_TEXT_GENERATION_WEBUI), ==, "text-generation-webui");
  g_assert_cmpstr (vmp_provider_get_name (VMP_PROVIDER_LMSTUDIO), ==, "LM Studio");
}

static void
test_paths (void)
{
  g_assert_cmpstr (vmp_list_path (VMP_LIST_LMSTUDIO_V1), ==, "/api/v1/models");
  g_assert_cmpstr (vmp_list_path (VMP_LIST_LMSTUDIO_V0), ==, "/api/v0/models");
  g_assert_cmpstr (vmp_list_path (VMP_LIST_OPENAI), ==, "/v1/models");
  g_assert_cmpstr (vmp_list_path (VMP_LIST_OLLAMA), ==, "/api/tags");
}

/* -- LM Studio 0.4.0 ----------------------------------------------------------------------- */

#define V1_GEMMA \
  "{'type':'llm','publisher':'google','key':'google/gemma-4-26b-a4b','display_name':'Gemma 4 26B A4B'," \
  "'architecture':'gemma4','quantization':{'name':'Q4_K_M','bits_per_weight':4},'size_bytes':17990911801," \
  "'params_string':'26B-A4B','loaded_instances':[{'id':'google/gemma-4-26b-a4b','config':{'context_length':4096," \
  "'eval_batch_size':512,'parallel':4,'flash_attention':true,'num_experts':8,'offload_kv_cache_to_gpu':true}}," \
  "{'id':'google/gemma-4-26b-a4b:2','config':{'context_length':8192}}]," \
  "'max_context_length':262144,'format':'gguf','capabilities':{'vision':true,'trained_for_tool_use':true," \
  "'reasoning':{'allowed_options':['off','on'],'default':'on'}},'description':null," \
  "'variants':['google/gemma-4-26b-a4b@q4_k_m'],'selected_variant':'google/gemma-4-26b-a4b@q4_k_m'}"

#define V1_NOMIC \
  "{'type':'embedding','publisher':'nomic-ai','key':'text-embedding-nomic','display_name':'Nomic Embed'," \
  "'quantization':null,'size_bytes':84106624,'params_string':null,'loaded_instances':[]," \
  "'max_context_length':2048,'format':null}"

static void
test_v1 (void)
{
  g_autoptr (VmpInventory) inventory = parse (VMP_LIST_LMSTUDIO_V1, "{'models':[" V1_GEMMA "," V1_NOMIC "]}");
  const VmpModel *gemma = get_model (inventory, "google/gemma-4-26b-a4b");
  const VmpModel *nomic = get_model (inventory, "text-embedding-nomic");

  g_assert_cmpint (inventory->provider, ==, VMP_PROVIDER_LMSTUDIO);
  assert_ids (inventory, "google/gemma-4-26b-a4b,text-embedding-nomic", 0);

  assert_kind (gemma, VMP_MODEL_VLM, VMP_FACT_DECLARED);
  g_assert_cmpstr (gemma->display_name, ==, "Gemma 4 26B A4B");
  g_assert_cmpstr (gemma->publisher, ==, "google");
  g_assert_cmpstr (gemma->architecture, ==, "gemma4");
  g_assert_cmpstr (gemma->quantization, ==, "Q4_K_M");
  g_assert_cmpstr (gemma->parameters, ==, "26B-A4B");
  g_assert_cmpstr (gemma->format, ==, "gguf");
  g_assert_cmpint (gemma->size_bytes, ==, 17990911801);
  g_assert_cmpint (gemma->context_limit, ==, 262144);
  assert_source (gemma, VMP_MODEL_FACT_CONTEXT, VMP_FACT_DECLARED);

  g_assert_true (gemma->loaded);
  assert_source (gemma, VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  g_assert_cmpuint (gemma->instances->len, ==, 2);
  assert_instance (gemma, 0, "google/gemma-4-26b-a4b", 4096, 4);
  assert_instance (gemma, 1, "google/gemma-4-26b-a4b:2", 8192, 0);

  g_assert_true (gemma->vision && gemma->tools && gemma->reasoning);
  assert_source (gemma, VMP_MODEL_FACT_VISION, VMP_FACT_DECLARED);
  assert_source (gemma, VMP_MODEL_FACT_TOOLS, VMP_FACT_DECLARED);
  assert_source (gemma, VMP_MODEL_FACT_REASONING, VMP_FACT_DECLARED);
  g_assert_cmpuint (g_strv_length (gemma->reasoning_options), ==, 2);
  g_assert_cmpstr (gemma->reasoning_options[0], ==, "off");
  g_assert_cmpstr (gemma->reasoning_options[1], ==, "on");

  assert_kind (nomic, VMP_MODEL_EMBEDDING, VMP_FACT_DECLARED);
  g_assert_null (nomic->quantization);
  g_assert_null (nomic->parameters);
  g_assert_null (nomic->format);
  g_assert_null (nomic->reasoning_options);
  g_assert_false (nomic->loaded);
  assert_source (nomic, VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  assert_source (nomic, VMP_MODEL_FACT_TOOLS, VMP_FACT_UNKNOWN);
}

/* The list is at `models`; at `data` it is believed when it has something to show. */
static void
test_v1_at_data (void)
{
  g_autoptr (VmpInventory) at_data = parse (VMP_LIST_LMSTUDIO_V1, "{'data':[" V1_GEMMA "]}");
  g_autoptr (VmpInventory) empty = parse (VMP_LIST_LMSTUDIO_V1, "{'models':[]}");

  assert_ids (at_data, "google/gemma-4-26b-a4b", 0);
  g_assert_cmpuint (empty->models->len, ==, 0);
  g_assert_cmpint (empty->provider, ==, VMP_PROVIDER_LMSTUDIO);
  assert_no_list (VMP_LIST_LMSTUDIO_V1, "{'object':'list','data':[]}", NULL);
}

static void
test_v1_kinds (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_LMSTUDIO_V1,
                 "{'key':'llm','type':'llm','capabilities':{'vision':false}},"
                 "{'key':'blind','type':'llm'},"
                 "{'key':'strange','type':'music'},"
                 "{'key':'none'},"
                 "{'key':'my-embedder','type':7}");

  assert_kind (get_model (inventory, "llm"), VMP_MODEL_LLM, VMP_FACT_DECLARED);
  assert_kind (get_model (inventory, "blind"), VMP_MODEL_LLM, VMP_FACT_DECLARED);
  assert_kind (get_model (inventory, "strange"), VMP_MODEL_LLM, VMP_FACT_UNKNOWN);
  assert_kind (get_model (inventory, "none"), VMP_MODEL_LLM, VMP_FACT_UNKNOWN);
  assert_kind (get_model (inventory, "my-embedder"), VMP_MODEL_EMBEDDING, VMP_FACT_DETECTED);

  assert_source (get_model (inventory, "llm"), VMP_MODEL_FACT_VISION, VMP_FACT_DECLARED);
  assert_source (get_model (inventory, "blind"), VMP_MODEL_FACT_VISION, VMP_FACT_UNKNOWN);
}

static void
test_v1_reasoning (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_LMSTUDIO_V1,
                 "{'key':'r1','capabilities':{'reasoning':{'allowed_options':['on']}}},"
                 "{'key':'off','capabilities':{'reasoning':{'allowed_options':['off']}}},"
                 "{'key':'absent','capabilities':{'vision':true}},"
                 "{'key':'null','capabilities':{'reasoning':null}},"
                 "{'key':'wrong','capabilities':{'reasoning':'yes'}},"
                 "{'key':'odd','capabilities':{'reasoning':{'allowed_options':[1,'l\\u202eow','','high',null,{}]}}},"
                 "{'key':'untold'}");

  g_assert_true (get_model (inventory, "r1")->reasoning);
  assert_source (get_model (inventory, "r1"), VMP_MODEL_FACT_REASONING, VMP_FACT_DECLARED);
  g_assert_false (get_model (inventory, "off")->reasoning);
  assert_source (get_model (inventory, "off"), VMP_MODEL_FACT_REASONING, VMP_FACT_DECLARED);
  g_assert_false (get_model (inventory, "absent")->reasoning);
  assert_source (get_model (inventory, "absent"), VMP_MODEL_FACT_REASONING, VMP_FACT_DETECTED);
  assert_source (get_model (inventory, "null"), VMP_MODEL_FACT_REASONING, VMP_FACT_DETECTED);
  assert_source (get_model (inventory, "wrong"), VMP_MODEL_FACT_REASONING, VMP_FACT_UNKNOWN);
  assert_source (get_model (inventory, "untold"), VMP_MODEL_FACT_REASONING, VMP_FACT_UNKNOWN);
  g_assert_cmpuint (g_strv_length (get_model (inventory, "odd")->reasoning_options), ==, 1);
  g_assert_cmpstr (get_model (inventory, "odd")->reasoning_options[0], ==, "high");
}

static void
test_v1_bad_instances (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_LMSTUDIO_V1,
                 "{'key':'a','loaded_instances':[7,{'id':7},{},null,{'id':'a','config':7},{'id':'a'},"
                 "{'id':'b','config':{'context_length':-1,'parallel':1e12}},{'id':' c'}]},"
                 "{'key':'b','loaded_instances':{}},"
                 "{'key':'c','loaded_instances':[{}]}");
  const VmpModel *model = get_model (inventory, "a");

  g_assert_true (model->loaded);
  g_assert_cmpuint (model->instances->len, ==, 2);
  assert_instance (model, 0, "a", 0, 0);
  assert_instance (model, 1, "b", 0, 0);

  assert_source (get_model (inventory, "b"), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
  g_assert_true (get_model (inventory, "c")->loaded);
  g_assert_cmpuint (get_model (inventory, "c")->instances->len, ==, 0);
}

/* -- LM Studio 0.3.6 ----------------------------------------------------------------------- */

static void
test_v0 (void)
{
  g_autoptr (VmpInventory) inventory =
    parse (VMP_LIST_LMSTUDIO_V0,
           "{'object':'list','data':["
           "{'id':'qwen2-vl-7b','object':'model','type':'vlm','publisher':'mlx-community','arch':'qwen2_vl',"
           "'compatibility_type':'mlx','quantization':'4bit','state':'not-loaded','max_context_length':32768},"
           "{'id':'llama-3.1-8b','object':'model','type':'llm','publisher':'meta','arch':'llama',"
           "'compatibility_type':'gguf','quantization':'Q4_K_M','state':'loaded','max_context_length':131072,"
           "'loaded_context_length':4096,'capabilities':['tool_use']},"
           "{'id':'text-embedding-nomic','object':'model','type':'embeddings','arch':'nomic-bert',"
           "'state':'loading'}]}");
  const VmpModel *qwen = get_model (inventory, "qwen2-vl-7b");
  const VmpModel *llama = get_model (inventory, "llama-3.1-8b");
  const VmpModel *nomic = get_model (inventory, "text-embedding-nomic");

  g_assert_cmpint (inventory->provider, ==, VMP_PROVIDER_LMSTUDIO);

  assert_kind (qwen, VMP_MODEL_VLM, VMP_FACT_DECLARED);
  g_assert_true (qwen->vision);
  g_assert_false (qwen->loaded);
  assert_source (qwen, VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  g_assert_cmpuint (qwen->instances->len, ==, 0);
  assert_source (qwen, VMP_MODEL_FACT_TOOLS, VMP_FACT_UNKNOWN);
  g_assert_cmpstr (qwen->publisher, ==, "mlx-community");
  g_assert_cmpstr (qwen->architecture, ==, "qwen2_vl");
  g_assert_cmpstr (qwen->format, ==, "mlx");
  g_assert_cmpstr (qwen->quantization, ==, "4bit");
  g_assert_cmpint (qwen->context_limit, ==, 32768);

  assert_kind (llama, VMP_MODEL_LLM, VMP_FACT_DECLARED);
  g_assert_false (llama->vision);
  assert_source (llama, VMP_MODEL_FACT_VISION, VMP_FACT_DECLARED);
  g_assert_true (llama->tools);
  assert_source (llama, VMP_MODEL_FACT_TOOLS, VMP_FACT_DECLARED);
  g_assert_true (llama->loaded);
  assert_instance (llama, 0, "llama-3.1-8b", 4096, 0);

  assert_kind (nomic, VMP_MODEL_EMBEDDING, VMP_FACT_DECLARED);
  assert_source (nomic, VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
}

/* -- OpenAI-compatible --------------------------------------------------------------------- */

static void
test_openai (void)
{
  g_autoptr (VmpInventory) inventory =
    parse (VMP_LIST_OPENAI,
           "{'object':'list','data':[{'id':'a','object':'model','created':1700000000,'owned_by':'me'},"
           "{'id':'b','created':'who can keep track?'},{'id':'c','created':-5,'owned_by':7},"
           "{'id':'d','created':1e15}]}");

  g_assert_cmpint (inventory->provider, ==, VMP_PROVIDER_OPENAI_COMPATIBLE);
  assert_ids (inventory, "a,b,c,d", 0);
  g_assert_cmpint (get_model (inventory, "a")->created, ==, 1700000000);
  g_assert_cmpstr (get_model (inventory, "a")->owned_by, ==, "me");
  g_assert_cmpint (get_model (inventory, "b")->created, ==, 0);
  g_assert_cmpint (get_model (inventory, "c")->created, ==, 0);
  g_assert_null (get_model (inventory, "c")->owned_by);
  g_assert_cmpint (get_model (inventory, "d")->created, ==, 0);

  for (guint fact = 0; fact < VMP_N_MODEL_FACTS; fact++)
    assert_source (get_model (inventory, "a"), fact, VMP_FACT_UNKNOWN);
  g_assert_false (get_model (inventory, "a")->loaded);
}

static void
test_openai_kinds (void)
{
  static const char * const embedders[] = {
    "text-embedding-3-small", "nomic-embed-text:latest", "BAAI/bge-m3", "intfloat/multilingual-e5-large",
    "all-MiniLM-L6-v2",
    "thenlper/gte-large", "mxbai-embed-large-v1", "E5-mistral-7b-instruct", "embeddinggemma-300m",
    "/models/bge-small.gguf",
  };
  static const char * const others[] = {
    "llama-3.1-8b", "EmbeddedLLM/Qwen2.5-1.5B", "embedded-coder", "phi-3.5", "bgem", "cage5-7b", "gpt-4o", "integer-7b",
  };

  for (guint i = 0; i < G_N_ELEMENTS (embedders); i++)
    {
      g_autofree char *card = g_strdup_printf ("{'id':'%s'}", embedders[i]);
      g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_OPENAI, card);

      g_test_message ("%s", embedders[i]);
      assert_kind (get_one (inventory), VMP_MODEL_EMBEDDING, VMP_FACT_DETECTED);
    }

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autofree char *card = g_strdup_printf ("{'id':'%s'}", others[i]);
      g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_OPENAI, card);

      g_test_message ("%s", others[i]);
      assert_kind (get_one (inventory), VMP_MODEL_LLM, VMP_FACT_UNKNOWN);
    }
}

static void
test_openai_providers (void)
{
  static const struct {
    const char *server;
    const char *owner;
    VmpProvider provider;
  } cases[] = {
    { NULL, "openai", VMP_PROVIDER_OPENAI_COMPATIBLE },
    { "uvicorn", "user", VMP_PROVIDER_OPENAI_COMPATIBLE },
    { "LM Studio", "x", VMP_PROVIDER_LMSTUDIO },
    { NULL, "LMStudio", VMP_PROVIDER_LMSTUDIO },
    { "Express", "organization_owner", VMP_PROVIDER_LMSTUDIO },
    { "llama.cpp", "x", VMP_PROVIDER_LLAMACPP },
    { NULL, "llamacpp", VMP_PROVIDER_LLAMACPP },
    { NULL, "ollama", VMP_PROVIDER_OLLAMA },
    { NULL, "library", VMP_PROVIDER_OLLAMA },
    { NULL, "librarything", VMP_PROVIDER_OPENAI_COMPATIBLE },
    { "LocalAI", "x", VMP_PROVIDER_LOCALAI },
    { "uvicorn", "vllm", VMP_PROVIDER_VLLM },
    { "text-generation-webui", "x", VMP_PROVIDER_TEXT_GENERATION_WEBUI },
    { NULL, "oobabooga", VMP_PROVIDER_TEXT_GENERATION_WEBUI },
    { "ConcedoLlamaForKoboldServer", "x", VMP_PROVIDER_KOBOLDCPP },
    { NULL, "koboldcpp", VMP_PROVIDER_KOBOLDCPP },
    { "GPT4All", "x", VMP_PROVIDER_GPT4ALL },
    { NULL, "humanity", VMP_PROVIDER_GPT4ALL },
    { NULL, "Jan", VMP_PROVIDER_JAN },
    { "Jan", "x", VMP_PROVIDER_JAN },
    { NULL, "janus-labs", VMP_PROVIDER_OPENAI_COMPATIBLE },
    { "llama.cpp", "ollama", VMP_PROVIDER_LLAMACPP },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{'data':[{'id':'a'},{'id':'b','owned_by':'%s'}]}", cases[i].owner);
      g_autoptr (VmpInventory) inventory = parse_from (VMP_LIST_OPENAI, text, cases[i].server);

      g_test_message ("%s, %s", cases[i].server != NULL ? cases[i].server : "no server", cases[i].owner);
      g_assert_cmpstr (vmp_provider_to_string (inventory->provider), ==, vmp_provider_to_string (cases[i].provider));
    }
}

/* What LM Studio's own lists say of themselves, no other field can change. */
static void
test_lmstudio_lists_are_lmstudio (void)
{
  g_autoptr (VmpInventory) v1 = parse_from (VMP_LIST_LMSTUDIO_V1, "{'models':[{'key':'a'}]}", "ollama");
  g_autoptr (VmpInventory) v0 = parse_from (VMP_LIST_LMSTUDIO_V0, "{'data':[{'id':'a','state':'loaded'}]}", "vllm");
  g_autoptr (VmpInventory) kobold = parse_from (VMP_LIST_OLLAMA, "{'models':[{'name':'a'}]}", "KoboldCpp");

  g_assert_cmpint (v1->provider, ==, VMP_PROVIDER_LMSTUDIO);
  g_assert_cmpint (v0->provider, ==, VMP_PROVIDER_LMSTUDIO);
  g_assert_cmpint (kobold->provider, ==, VMP_PROVIDER_KOBOLDCPP);
}

static void
test_vllm (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_OPENAI,
                 "{'id':'Qwen/Qwen3-8B','owned_by':'vllm','root':'Qwen/Qwen3-8B','parent':null,'max_model_len':40960,"
                 "'permission':[]},{'id':'adapter','owned_by':'vllm','parent':'Qwen/Qwen3-8B','max_model_len':null}");
  const VmpModel *qwen = get_model (inventory, "Qwen/Qwen3-8B");

  g_assert_cmpint (qwen->context_limit, ==, 40960);
  assert_source (qwen, VMP_MODEL_FACT_CONTEXT, VMP_FACT_DECLARED);
  g_assert_true (qwen->loaded);
  assert_source (qwen, VMP_MODEL_FACT_LOADED, VMP_FACT_DETECTED);
  assert_instance (qwen, 0, "Qwen/Qwen3-8B", 0, 0);
  g_assert_true (get_model (inventory, "adapter")->loaded);
  assert_source (get_model (inventory, "adapter"), VMP_MODEL_FACT_CONTEXT, VMP_FACT_UNKNOWN);
}

static void
test_llamacpp (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_from (VMP_LIST_OPENAI,
                "{'models':[{'name':'x'}],'object':'list','data':[{'id':'/models/llama.gguf','object':'model',"
                "'created':1735142223,'owned_by':'llamacpp','meta':{'vocab_type':2,'n_vocab':128256,"
                "'n_ctx_train':131072,'n_embd':4096,'n_params':8030261312,'size':4912898304}}]}",
                "llama.cpp");
  g_autoptr (VmpInventory) started =
    parse_cards (VMP_LIST_OPENAI, "{'id':'a','meta':{'n_ctx_train':131072,'n_ctx':8192,'n_params':268000000}}");
  const VmpModel *model = get_one (inventory);

  assert_ids (inventory, "/models/llama.gguf", 0);
  g_assert_cmpint (inventory->provider, ==, VMP_PROVIDER_LLAMACPP);
  g_assert_cmpint (model->context_limit, ==, 131072);
  g_assert_cmpint (model->size_bytes, ==, 4912898304);
  g_assert_cmpstr (model->parameters, ==, "8B");
  g_assert_true (model->loaded);
  assert_source (model, VMP_MODEL_FACT_LOADED, VMP_FACT_DETECTED);
  assert_instance (model, 0, "/models/llama.gguf", 0, 0);

  g_assert_cmpint (get_one (started)->context_limit, ==, 8192);
  g_assert_cmpstr (get_one (started)->parameters, ==, "268M");
  assert_source (get_one (started), VMP_MODEL_FACT_LOADED, VMP_FACT_DETECTED);
}

/* A router says of each model how it is, also when there is one. */
static void
test_llamacpp_router (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_OPENAI,
                 "{'id':'a','owned_by':'llamacpp','status':{'value':'loaded','args':[]}},"
                 "{'id':'b','owned_by':'llamacpp','status':{'value':'unloaded'}}");
  g_autoptr (VmpInventory) one =
    parse_cards (VMP_LIST_OPENAI, "{'id':'b','owned_by':'llamacpp','status':{'value':'unloaded'}}");

  g_assert_true (get_model (inventory, "a")->loaded);
  assert_source (get_model (inventory, "a"), VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  g_assert_cmpuint (get_model (inventory, "a")->instances->len, ==, 1);
  g_assert_false (get_model (inventory, "b")->loaded);
  assert_source (get_model (inventory, "b"), VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  g_assert_false (get_one (one)->loaded);
}

static void
test_parameters (void)
{
  static const struct {
    const char *count;
    const char *expected;
  } cases[] = {
    { "999", NULL }, { "1000000", "1M" }, { "22700000", "22.7M" }, { "137000000", "137M" }, { "1543714304", "1.5B" },
    { "7241732096", "7.2B" }, { "70553706496", "70.6B" }, { "405853388800", "406B" }, { "1026408232448", "1T" },
    { "-1", NULL }, { "1e300", NULL }, { "'7B'", NULL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *card = g_strdup_printf ("{'id':'a','meta':{'n_params':%s}}", cases[i].count);
      g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_OPENAI, card);

      g_assert_cmpstr (get_one (inventory)->parameters, ==, cases[i].expected);
    }
}

/* Many models and no word of them: nothing is known of what is in memory. */
static void
test_openai_lists_do_not_tell_what_is_loaded (void)
{
  g_autoptr (VmpInventory) many = parse_cards (VMP_LIST_OPENAI, "{'id':'a','owned_by':'llamacpp'},{'id':'b'}");
  g_autoptr (VmpInventory) one = parse_cards (VMP_LIST_OPENAI, "{'id':'a','owned_by':'organization_owner'}");

  assert_source (get_model (many, "a"), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
  assert_source (get_one (one), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
}

/* -- Another Vampire ----------------------------------------------------------------------- */

static void
test_vampire (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_OPENAI,
                 "{'id':'vampire:auto','owned_by':'vampire'},{'id':'team','owned_by':'Vampire'},"
                 "{'id':'qwen','owned_by':'vllm'}");
  g_autoptr (VmpInventory) only_virtual =
    parse_cards (VMP_LIST_OPENAI, "{'id':'vampire:auto','owned_by':'vampire'}");

  assert_ids (inventory, "qwen", 2);
  g_assert_cmpint (inventory->provider, ==, VMP_PROVIDER_VAMPIRE);
  assert_source (get_one (inventory), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
  assert_ids (only_virtual, "", 1);
  g_assert_cmpint (only_virtual->provider, ==, VMP_PROVIDER_VAMPIRE);
}

/* Nobody may make a model that looks like one of ours. */
static void
test_vampire_ids (void)
{
  for (VmpListKind kind = 0; kind < VMP_N_LISTS; kind++)
    {
      g_autoptr (VmpInventory) inventory =
        parse_cards (kind,
                     "{'key':'vampire:auto','id':'vampire:auto','name':'vampire:auto','type':'llm'},"
                     "{'key':'VAMPIRE:x','id':'VAMPIRE:x','name':'VAMPIRE:x','type':'llm'},"
                     "{'key':'vampire','id':'vampire','name':'vampire','type':'llm'}");

      assert_ids (inventory, "vampire", 2);
      g_assert_cmpint (inventory->provider, !=, VMP_PROVIDER_VAMPIRE);
    }
}

/* -- Ollama -------------------------------------------------------------------------------- */

#define OLLAMA_TAGS \
  "{'models':[{'name':'llama3.2:latest','model':'llama3.2:latest'," \
  "'modified_at':'2024-05-01T12:00:00.123456789+02:00','size':2019393189,'digest':'a80c4f17acd5'," \
  "'details':{'parent_model':'','format':'gguf','family':'llama','families':['llama'],'parameter_size':'3.2B'," \
  "'quantization_level':'Q4_K_M'}},{'model':'nomic-embed-text:latest','size':274302450," \
  "'details':{'family':'nomic-bert','families':['nomic-bert']}}," \
  "{'name':'llava:7b','size':1,'details':{'family':'llama','families':['llama','clip']}}," \
  "{'name':'new:1b','capabilities':['completion','vision','thinking'],'details':{'context_length':4096}}]}"

static VmpInventory *
add_running (VmpInventory *inventory,
             const char   *text)
{
  g_autofree char *body = json (text);

  return vmp_inventory_add_running (inventory, body, strlen (body));
}

static VmpInventory *
add_details (VmpInventory *inventory,
             const char   *id,
             const char   *text)
{
  g_autofree char *body = json (text);

  return vmp_inventory_add_details (inventory, id, body, strlen (body));
}

static void
test_ollama (void)
{
  g_autoptr (VmpInventory) inventory = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  const VmpModel *llama = get_model (inventory, "llama3.2:latest");
  const VmpModel *llava = get_model (inventory, "llava:7b");
  const VmpModel *new = get_model (inventory, "new:1b");

  g_assert_cmpint (inventory->provider, ==, VMP_PROVIDER_OLLAMA);
  assert_ids (inventory, "llama3.2:latest,nomic-embed-text:latest,llava:7b,new:1b", 0);

  assert_kind (llama, VMP_MODEL_LLM, VMP_FACT_UNKNOWN);
  assert_source (llama, VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
  g_assert_cmpint (llama->size_bytes, ==, 2019393189);
  g_assert_cmpstr (llama->format, ==, "gguf");
  g_assert_cmpstr (llama->architecture, ==, "llama");
  g_assert_cmpstr (llama->parameters, ==, "3.2B");
  g_assert_cmpstr (llama->quantization, ==, "Q4_K_M");
  g_assert_cmpint (llama->created, ==, 1714557600);
  g_assert_false (vmp_inventory_has_details (llama));

  assert_kind (get_model (inventory, "nomic-embed-text:latest"), VMP_MODEL_EMBEDDING, VMP_FACT_DETECTED);
  assert_kind (llava, VMP_MODEL_VLM, VMP_FACT_DETECTED);
  g_assert_true (llava->vision);
  assert_source (llava, VMP_MODEL_FACT_VISION, VMP_FACT_DETECTED);

  assert_kind (new, VMP_MODEL_VLM, VMP_FACT_DECLARED);
  g_assert_true (new->vision && new->reasoning);
  g_assert_false (new->tools);
  assert_source (new, VMP_MODEL_FACT_TOOLS, VMP_FACT_DECLARED);
  g_assert_cmpint (new->context_limit, ==, 4096);
  g_assert_true (vmp_inventory_has_details (new));
}

static void
test_ollama_running (void)
{
  g_autoptr (VmpInventory) tags = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  g_autoptr (VmpInventory) running =
    add_running (tags, "{'models':[7,{},{'name':'gone:1b'},{'name':'llama3.2:latest','model':'llama3.2:latest',"
                 "'size':1,'expires_at':'2024-06-04T14:38:31Z','size_vram':1,'context_length':4096}]}");
  g_autoptr (VmpInventory) again =
    add_running (running, "{'models':[{'model':'llama3.2:latest','context_length':4096}]}");
  g_autoptr (VmpInventory) stopped = add_running (running, "{'models':[]}");
  const VmpModel *llama = get_model (running, "llama3.2:latest");

  g_assert_true (llama->loaded);
  assert_source (llama, VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  g_assert_cmpuint (llama->instances->len, ==, 1);
  assert_instance (llama, 0, "llama3.2:latest", 4096, 0);
  g_assert_false (get_model (running, "llava:7b")->loaded);
  assert_source (get_model (running, "llava:7b"), VMP_MODEL_FACT_LOADED, VMP_FACT_DECLARED);
  assert_ids (running, "llama3.2:latest,nomic-embed-text:latest,llava:7b,new:1b", 0);

  /* What has been handed out is not changed. */
  assert_source (get_model (tags, "llama3.2:latest"), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);

  /* What stays the same is shared. */
  g_assert_true (get_model (again, "llama3.2:latest") == llama);
  g_assert_true (vmp_inventory_equal (again, running));

  g_assert_false (get_model (stopped, "llama3.2:latest")->loaded);
  g_assert_cmpuint (get_model (stopped, "llama3.2:latest")->instances->len, ==, 0);
  g_assert_true (get_model (stopped, "llava:7b") == get_model (running, "llava:7b"));
  g_assert_false (vmp_inventory_equal (stopped, running));
}

static void
test_ollama_running_is_no_list (void)
{
  static const char * const texts[] = { "", "{}", "[]", "7", "{'models':{}}", "{'error':'no'}", "404 page not found" };
  g_autoptr (VmpInventory) tags = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (VmpInventory) running = add_running (tags, texts[i]);

      g_assert_true (vmp_inventory_equal (running, tags));
      assert_source (get_model (running, "llama3.2:latest"), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
    }
}

#define OLLAMA_SHOW \
  "{'license':'MIT','modelfile':'FROM x','template':'{{ .Prompt }}','details':{'family':'llama','format':'gguf'}," \
  "'model_info':{'general.architecture':'llama','general.parameter_count':3212749888,'llama.context_length':131072," \
  "'tokenizer.ggml.tokens':null},'capabilities':['completion','tools'],'modified_at':'2024-05-01T12:00:00Z'}"

static void
test_ollama_details (void)
{
  g_autoptr (VmpInventory) tags = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  g_autoptr (VmpInventory) detailed = add_details (tags, "llama3.2:latest", OLLAMA_SHOW);
  g_autoptr (VmpInventory) embedding =
    add_details (detailed, "nomic-embed-text:latest",
                 "{'details':{},'model_info':{'general.architecture':'nomic-bert','nomic-bert.context_length':2048},"
                 "'capabilities':['embedding']}");
  const VmpModel *llama = get_model (detailed, "llama3.2:latest");
  const VmpModel *nomic = get_model (embedding, "nomic-embed-text:latest");

  assert_kind (llama, VMP_MODEL_LLM, VMP_FACT_DECLARED);
  g_assert_true (llama->tools);
  assert_source (llama, VMP_MODEL_FACT_TOOLS, VMP_FACT_DECLARED);
  g_assert_false (llama->vision);
  assert_source (llama, VMP_MODEL_FACT_VISION, VMP_FACT_DECLARED);
  assert_source (llama, VMP_MODEL_FACT_REASONING, VMP_FACT_DECLARED);
  g_assert_cmpint (llama->context_limit, ==, 131072);
  assert_source (llama, VMP_MODEL_FACT_CONTEXT, VMP_FACT_DECLARED);
  g_assert_cmpstr (llama->quantization, ==, "Q4_K_M");
  g_assert_true (vmp_inventory_has_details (llama));
  assert_source (get_model (tags, "llama3.2:latest"), VMP_MODEL_FACT_TOOLS, VMP_FACT_UNKNOWN);
  g_assert_true (get_model (detailed, "llava:7b") == get_model (tags, "llava:7b"));

  assert_kind (nomic, VMP_MODEL_EMBEDDING, VMP_FACT_DECLARED);
  g_assert_cmpint (nomic->context_limit, ==, 2048);
  g_assert_cmpstr (nomic->architecture, ==, "nomic-bert");
}

/* Servers before 0.6.4 name no capabilities. */
static void
test_ollama_old_details (void)
{
  g_autoptr (VmpInventory) tags = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  g_autoptr (VmpInventory) tools =
    add_details (tags, "llama3.2:latest", "{'details':{},'template':'{{ if .Tools }}x{{ end }}'}");
  g_autoptr (VmpInventory) none = add_details (tags, "llama3.2:latest", "{'details':{},'projector_info':{}}");
  const VmpModel *with = get_model (tools, "llama3.2:latest");
  const VmpModel *without = get_model (none, "llama3.2:latest");

  g_assert_true (with->tools);
  assert_source (with, VMP_MODEL_FACT_TOOLS, VMP_FACT_DETECTED);
  assert_source (with, VMP_MODEL_FACT_VISION, VMP_FACT_UNKNOWN);
  g_assert_true (vmp_inventory_has_details (with));

  g_assert_false (without->tools);
  assert_source (without, VMP_MODEL_FACT_TOOLS, VMP_FACT_DETECTED);
  assert_kind (without, VMP_MODEL_VLM, VMP_FACT_DETECTED);
  g_assert_true (without->vision);
}

static void
test_ollama_details_are_none (void)
{
  static const char * const texts[] = {
    "", "[]", "{}", "{'error':'model not found'}", "{'details':7}", "{'details':[],'capabilities':['tools']}",
  };
  g_autoptr (VmpInventory) tags = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  g_autoptr (VmpInventory) unknown = add_details (tags, "other", OLLAMA_SHOW);

  g_assert_true (vmp_inventory_equal (unknown, tags));
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (VmpInventory) detailed = add_details (tags, "llama3.2:latest", texts[i]);

      g_assert_true (vmp_inventory_equal (detailed, tags));
    }
}

/* Details of a model stay while it is the same, and what is loaded is as the new list has it. */
static void
test_ollama_known (void)
{
  g_autoptr (VmpInventory) tags = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  g_autoptr (VmpInventory) detailed = add_details (tags, "llama3.2:latest", OLLAMA_SHOW);
  g_autoptr (VmpInventory) running = add_running (detailed, "{'models':[{'name':'llama3.2:latest'}]}");
  g_autoptr (VmpInventory) next = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  g_autoptr (VmpInventory) kept = vmp_inventory_add_known (next, running);
  g_autoptr (VmpInventory) pulled =
    parse (VMP_LIST_OLLAMA, "{'models':[{'name':'llama3.2:latest','size':5,'modified_at':'2024-05-01T10:00:00Z'}]}");
  g_autoptr (VmpInventory) changed = vmp_inventory_add_known (pulled, running);
  g_autoptr (VmpInventory) first = vmp_inventory_add_known (next, NULL);

  g_assert_true (vmp_inventory_equal (kept, detailed));
  g_assert_true (get_model (kept, "llama3.2:latest")->tools);
  assert_source (get_model (kept, "llama3.2:latest"), VMP_MODEL_FACT_LOADED, VMP_FACT_UNKNOWN);
  g_assert_true (get_model (kept, "llava:7b") == get_model (next, "llava:7b"));
  g_assert_false (vmp_inventory_has_details (get_one (changed)));
  g_assert_true (vmp_inventory_equal (first, next));
}

/* -- What is no list ----------------------------------------------------------------------- */

static void
test_errors_are_no_lists (void)
{
  for (VmpListKind kind = 0; kind < VMP_N_LISTS; kind++)
    {
      assert_no_list (kind, "{'error':'Unexpected endpoint or method. (GET /api/v1/models)'}",
                      "is an error message instead: \"Unexpected endpoint or method. (GET /api/v1/models)\"");
      assert_no_list (kind, "{'error':{'message':'No\\nmodels\\u001b[31m'}}",
                      "is an error message instead: \"No\357\277\275models\357\277\275[31m\"");
      assert_no_list (kind, "{'error':true,'models':[],'data':[]}", NULL);
      assert_no_list (kind, "", "is no JSON: it ends too early at byte 0");
      assert_no_list (kind, "<html>", NULL);
      assert_no_list (kind, "[]", NULL);
      assert_no_list (kind, "'models'", NULL);
      assert_no_list (kind, "{}", NULL);
      assert_no_list (kind, "{'models':{},'data':{}}", NULL);
      assert_no_list (kind, "{'models':null,'data':null}", NULL);
      assert_no_list (kind, "{'models':[],'data':[]", NULL);
    }
}

/* A server that answers every address with its only list is not taken for an LM Studio. */
static void
test_other_lists (void)
{
  const char *openai = "{'object':'list','data':[{'id':'a','object':'model','owned_by':'b'}]}";

  assert_no_list (VMP_LIST_LMSTUDIO_V1, openai, "has no entry that can be read");
  assert_no_list (VMP_LIST_LMSTUDIO_V0, openai, "has no entry that can be read");
  assert_no_list (VMP_LIST_OLLAMA, openai, "has no array \"models\"");
  assert_no_list (VMP_LIST_LMSTUDIO_V1, OLLAMA_TAGS, NULL);
  assert_no_list (VMP_LIST_OPENAI, OLLAMA_TAGS, NULL);
  assert_no_list (VMP_LIST_OLLAMA, "{'models':[" V1_GEMMA "]}", NULL);
  assert_no_list (VMP_LIST_OPENAI, "{'data':[1,{},{'id':7}]}", "has no entry that can be read");
}

/* An `error` of null is how some say that there is none. */
static void
test_null_error (void)
{
  g_autoptr (VmpInventory) inventory = parse (VMP_LIST_OPENAI, "{'error':null,'data':[{'id':'a'}]}");

  assert_ids (inventory, "a", 0);
}

/* -- Bad entries --------------------------------------------------------------------------- */

static void
test_bad_entries_are_left_out (void)
{
  g_autoptr (VmpInventory) v1 =
    parse_cards (VMP_LIST_LMSTUDIO_V1, "7,null,[],'a',{},{'key':7},{'key':null},{'key':''},{'id':'b'},{'key':'good'},"
                 "{'key':'\\u0000'},{'key':'\\ud800'}");
  g_autoptr (VmpInventory) v0 =
    parse_cards (VMP_LIST_LMSTUDIO_V0, "7,{'type':'llm'},{'id':'b'},{'id':'good','type':'llm'}");
  g_autoptr (VmpInventory) openai = parse_cards (VMP_LIST_OPENAI, "7,{},{'id':{}},{'id':'good'},{'id':'good'}");
  g_autoptr (VmpInventory) ollama = parse_cards (VMP_LIST_OLLAMA, "7,{},{'name':7},{'name':7,'model':'good'}");

  assert_ids (v1, "good", 11);
  assert_ids (v0, "good", 3);
  assert_ids (openai, "good", 4);
  assert_ids (ollama, "good", 3);
}

static void
test_optional_members_of_wrong_types (void)
{
  g_autoptr (VmpInventory) v1 =
    parse_cards (VMP_LIST_LMSTUDIO_V1,
                 "{'key':'a','type':{},'publisher':1,'display_name':[],'architecture':true,'quantization':'Q4',"
                 "'size_bytes':'big','params_string':7,'loaded_instances':7,'max_context_length':'long',"
                 "'format':{},'capabilities':[]}");
  g_autoptr (VmpInventory) ollama =
    parse_cards (VMP_LIST_OLLAMA,
                 "{'name':'a','size':{},'modified_at':'yesterday','capabilities':'tools','details':[]},"
                 "{'name':'b','modified_at':7,'capabilities':[7,null,{}],'details':{'families':[7],'family':7}}");
  g_autoptr (VmpInventory) plain_v1 = parse_cards (VMP_LIST_LMSTUDIO_V1, "{'key':'a'}");
  g_autoptr (VmpInventory) plain_ollama = parse_cards (VMP_LIST_OLLAMA, "{'name':'a'}");

  g_assert_true (vmp_inventory_equal (v1, plain_v1));
  g_assert_true (vmp_model_equal (ollama->models->pdata[0], plain_ollama->models->pdata[0]));
  g_assert_cmpuint (ollama->models->len, ==, 2);
}

static void
test_absurd_numbers (void)
{
  static const char * const numbers[] = {
    "0", "-1", "0.5", "1e18", "1e300", "1e999", "9223372036854775807", "99999999999999999999", "'4096'", "null",
  };

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *card =
        g_strdup_printf ("{'key':'a','max_context_length':%s,'size_bytes':%s}", numbers[i], numbers[i]);
      g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_LMSTUDIO_V1, card);

      g_test_message ("%s", numbers[i]);
      g_assert_cmpint (get_one (inventory)->context_limit, ==, 0);
      g_assert_cmpint (get_one (inventory)->size_bytes, ==, 0);
      assert_source (get_one (inventory), VMP_MODEL_FACT_CONTEXT, VMP_FACT_UNKNOWN);
    }
}

/* -- Ids and texts ------------------------------------------------------------------------- */

static void
test_ids (void)
{
  static const char * const good[] = {
    "a", "qwen/qwen3-32b", "a:2", "a b", "model@q4", "/models/x.gguf", "C:\\\\models\\\\x", "\\u6a21\\u578b", "a\\\"b",
    "..", "#?&%",
  };
  static const char * const bad[] = {
    "", " ", " a", "a ", "\\u00a0a", "a\\u2003", "a\\nb", "a\\tb", "\\u001b[31m", "a\\u202eb", "a\\u200bb", "a\\u2028b",
    "\\u007f", "a\\u0085", "\\ue0041\\u200e", "\\udb40\\udc41",
  };
  g_autofree char *longest = g_strnfill (VMP_LIMIT_MODEL_ID_CHARS, 'a');
  g_autofree char *too_long = g_strnfill (VMP_LIMIT_MODEL_ID_CHARS + 1, 'a');
  g_autofree char *cards = g_strdup_printf ("{'id':'%s'},{'id':'%s'}", longest, too_long);
  g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_OPENAI, cards);

  assert_ids (inventory, longest, 1);

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *body = g_strdup_printf ("{\"data\":[{\"id\":\"%s\"}]}", good[i]);
      g_autoptr (VmpInventory) one = vmp_inventory_parse (VMP_LIST_OPENAI, body, strlen (body), NULL, NULL);

      g_test_message ("%s", good[i]);
      g_assert_nonnull (one);
      g_assert_cmpuint (one->models->len, ==, 1);
    }

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *body = g_strdup_printf ("{\"data\":[{\"id\":\"%s\"},{\"id\":\"good\"}]}", bad[i]);
      g_autoptr (VmpInventory) one = vmp_inventory_parse (VMP_LIST_OPENAI, body, strlen (body), NULL, NULL);

      g_test_message ("%s", bad[i]);
      g_assert_nonnull (one);
      assert_ids (one, "good", 1);
    }
}

static void
test_texts_are_mended (void)
{
  g_autofree char *long_text = g_strnfill (5000, 'x');
  g_autofree char *cards =
    g_strdup_printf ("{'key':'a','display_name':'%s','publisher':' G\\u001b[31mo\\u202eogle\\n ','architecture':'  '}",
                     long_text);
  g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_LMSTUDIO_V1, cards);
  const VmpModel *model = get_one (inventory);

  g_assert_cmpint (g_utf8_strlen (model->display_name, -1), ==, VMP_LIMIT_MODEL_TEXT_CHARS);
  g_assert_cmpstr (model->publisher, ==, "G\357\277\275[31mo\357\277\275ogle\357\277\275");
  g_assert_null (model->architecture);
}

static void
test_first_of_two_counts (void)
{
  g_autoptr (VmpInventory) inventory =
    parse_cards (VMP_LIST_OPENAI, "{'id':'a','created':1},{'id':'b'},{'id':'a','created':2},{'id':'A'}");

  assert_ids (inventory, "a,b,A", 1);
  g_assert_cmpint (get_model (inventory, "a")->created, ==, 1);
}

static void
test_too_many (void)
{
  GString *text = g_string_new ("{\"data\":[");
  g_autoptr (VmpInventory) inventory = NULL;

  for (guint i = 0; i < VMP_LIMIT_NODE_MODELS + 10; i++)
    g_string_append_printf (text, "%s{\"id\":\"m%u\"}", i > 0 ? "," : "", i);
  g_string_append (text, "]}");

  inventory = vmp_inventory_parse (VMP_LIST_OPENAI, text->str, text->len, NULL, NULL);
  g_string_free (text, TRUE);

  g_assert_nonnull (inventory);
  g_assert_cmpuint (inventory->models->len, ==, VMP_LIMIT_NODE_MODELS);
  g_assert_cmpuint (inventory->n_skipped, ==, 10);
}

static void
test_too_many_instances (void)
{
  GString *cards = g_string_new ("{'key':'a','loaded_instances':[");
  g_autoptr (VmpInventory) inventory = NULL;

  for (guint i = 0; i < 2 * VMP_LIMIT_MODEL_INSTANCES; i++)
    g_string_append_printf (cards, "%s{'id':'a:%u'}", i > 0 ? "," : "", i);
  g_string_append (cards, "]}");

  inventory = parse_cards (VMP_LIST_LMSTUDIO_V1, cards->str);
  g_string_free (cards, TRUE);
  g_assert_cmpuint (get_one (inventory)->instances->len, ==, VMP_LIMIT_MODEL_INSTANCES);
}

/* -- Comparison ---------------------------------------------------------------------------- */

static void
test_equal (void)
{
  g_autoptr (VmpInventory) inventory = parse_cards (VMP_LIST_OPENAI, "{'id':'a'},{'id':'b'}");
  g_autoptr (VmpInventory) same = parse_cards (VMP_LIST_OPENAI, "{'id':'a','object':'model'},{'id':'b'}");
  g_autoptr (VmpInventory) other_order = parse_cards (VMP_LIST_OPENAI, "{'id':'b'},{'id':'a'}");
  g_autoptr (VmpInventory) fewer = parse_cards (VMP_LIST_OPENAI, "{'id':'a'}");
  g_autoptr (VmpInventory) changed = parse_cards (VMP_LIST_OPENAI, "{'id':'a'},{'id':'b','created':1}");
  g_autoptr (VmpInventory) other_list = parse_cards (VMP_LIST_OLLAMA, "{'name':'a'},{'name':'b'}");
  g_autoptr (VmpInventory) other_provider =
    parse_from (VMP_LIST_OPENAI, "{'data':[{'id':'a'},{'id':'b'}]}", "LocalAI");

  g_assert_true (vmp_inventory_equal (inventory, inventory));
  g_assert_true (vmp_inventory_equal (inventory, same));
  g_assert_false (vmp_inventory_equal (inventory, other_order));
  g_assert_false (vmp_inventory_equal (inventory, fewer));
  g_assert_false (vmp_inventory_equal (fewer, inventory));
  g_assert_false (vmp_inventory_equal (inventory, changed));
  g_assert_false (vmp_inventory_equal (inventory, other_list));
  g_assert_false (vmp_inventory_equal (inventory, other_provider));
}

/* A model outlives the inventory that it came with. */
static void
test_references (void)
{
  VmpInventory *inventory = parse (VMP_LIST_OLLAMA, OLLAMA_TAGS);
  VmpInventory *running = add_running (inventory, "{'models':[]}");
  VmpInventory *again = add_running (running, "{'models':[]}");
  g_autoptr (VmpModel) model = vmp_model_ref (running->models->pdata[0]);

  vmp_inventory_unref (inventory);
  g_assert_true (vmp_inventory_ref (running) == running);
  vmp_inventory_unref (running);
  vmp_inventory_unref (running);
  g_assert_cmpstr (get_model (again, "llama3.2:latest")->parameters, ==, "3.2B");
  vmp_inventory_unref (again);
  g_assert_cmpstr (model->id, ==, "llama3.2:latest");
}

/* µs for a list of as many models as there may be, with ids of 24 bytes made of two of @parts. */
static gint64
time_list (const char * const parts[2])
{
  g_autoptr (GString) text = g_string_new ("{'data':[");
  gint64 least = G_MAXINT64;

  for (guint i = 0; i < VMP_LIMIT_NODE_MODELS; i++)
    {
      g_string_append (text, i > 0 ? ",{'id':'" : "{'id':'");
      for (guint bit = 0; bit < 12; bit++)
        g_string_append (text, parts[(i >> bit) & 1]);
      g_string_append (text, "'}");
    }
  g_string_append (text, "]}");

  for (guint i = 0; i < 3; i++)
    {
      gint64 began = g_get_monotonic_time ();

      vmp_inventory_unref (parse_from (VMP_LIST_OPENAI, text->str, NULL));
      least = MIN (least, g_get_monotonic_time () - began);
    }

  return least;
}

static void
test_colliding_ids_are_cheap (void)
{
  /* All texts made of "Az" and "BY" have one hash of GLib's. */
  static const char * const colliding[] = { "Az", "BY" };
  static const char * const different[] = { "Az", "Bz" };

  g_assert_cmpint (time_list (colliding), <, 8 * time_list (different));
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/inventory/names/providers", test_providers);
  g_test_add_func ("/inventory/names/paths", test_paths);
  g_test_add_func ("/inventory/lmstudio-v1/list", test_v1);
  g_test_add_func ("/inventory/lmstudio-v1/at-data", test_v1_at_data);
  g_test_add_func ("/inventory/lmstudio-v1/kinds", test_v1_kinds);
  g_test_add_func ("/inventory/lmstudio-v1/reasoning", test_v1_reasoning);
  g_test_add_func ("/inventory/lmstudio-v1/bad-instances", test_v1_bad_instances);
  g_test_add_func ("/inventory/lmstudio-v1/too-many-instances", test_too_many_instances);
  g_test_add_func ("/inventory/lmstudio-v0/list", test_v0);
  g_test_add_func ("/inventory/openai/list", test_openai);
  g_test_add_func ("/inventory/openai/kinds", test_openai_kinds);
  g_test_add_func ("/inventory/openai/providers", test_openai_providers);
  g_test_add_func ("/inventory/openai/lists-of-others", test_lmstudio_lists_are_lmstudio);
  g_test_add_func ("/inventory/openai/vllm", test_vllm);
  g_test_add_func ("/inventory/openai/llamacpp", test_llamacpp);
  g_test_add_func ("/inventory/openai/llamacpp-router", test_llamacpp_router);
  g_test_add_func ("/inventory/openai/parameters", test_parameters);
  g_test_add_func ("/inventory/openai/loaded-is-not-told", test_openai_lists_do_not_tell_what_is_loaded);
  g_test_add_func ("/inventory/vampire/gateway", test_vampire);
  g_test_add_func ("/inventory/vampire/ids", test_vampire_ids);
  g_test_add_func ("/inventory/ollama/list", test_ollama);
  g_test_add_func ("/inventory/ollama/running", test_ollama_running);
  g_test_add_func ("/inventory/ollama/running-is-no-list", test_ollama_running_is_no_list);
  g_test_add_func ("/inventory/ollama/details", test_ollama_details);
  g_test_add_func ("/inventory/ollama/old-details", test_ollama_old_details);
  g_test_add_func ("/inventory/ollama/details-are-none", test_ollama_details_are_none);
  g_test_add_func ("/inventory/ollama/known", test_ollama_known);
  g_test_add_func ("/inventory/no-list/errors", test_errors_are_no_lists);
  g_test_add_func ("/inventory/no-list/other-lists", test_other_lists);
  g_test_add_func ("/inventory/no-list/null-error", test_null_error);
  g_test_add_func ("/inventory/entries/bad-ones-are-left-out", test_bad_entries_are_left_out);
  g_test_add_func ("/inventory/entries/optional-members-of-wrong-types", test_optional_members_of_wrong_types);
  g_test_add_func ("/inventory/entries/absurd-numbers", test_absurd_numbers);
  g_test_add_func ("/inventory/entries/ids", test_ids);
  g_test_add_func ("/inventory/entries/texts-are-mended", test_texts_are_mended);
  g_test_add_func ("/inventory/entries/first-of-two-counts", test_first_of_two_counts);
  g_test_add_func ("/inventory/entries/too-many", test_too_many);
  g_test_add_func ("/inventory/entries/colliding-ids-are-cheap", test_colliding_ids_are_cheap);
  g_test_add_func ("/inventory/equal", test_equal);
  g_test_add_func ("/inventory/references", test_references);

  return g_test_run ();
}
