# SPDX-License-Identifier: MIT
# Completion of vampire(1) for fish.

set -l verbs serve status doctor pause resume discover nodes models requests explain top metrics route share clients keys \
  events config dashboard ui help
set -l asking status doctor pause resume discover nodes models requests explain top metrics route share clients keys events \
  dashboard ui
set -l node_verbs list add get update delete drain approve revoke block forget refresh test token
set -l providers auto lmstudio ollama openai-compatible
set -l strategies round_robin weighted_round_robin least_busy least_latency highest_tokens_per_second best_available \
  model_affinity context_window trusted_only power_saver fallback_chain quality_score cost_score privacy_policy \
  residency prefix_affinity
set -l constraints trusted_only=true local_only=true min_context_window= max_latency_ms= max_queue_depth= \
  required_capabilities=
set -l settings config host port default_base_url auth_token allowed_hosts cors_origins max_body_mb health_seconds \
  dns_sd_types share_address allow_public_nodes token_storage default_strategy affinity_busy_requests affinity_busy_ratio \
  strip_volatile_lines continue_streams queue_limit queue_seconds queue_patience_seconds loading_comments \
  trace_limit keep_in_tray appearance data_dir log_level log_format demo

# Whether the words so far hold all of these.
function __vampire_has
  set -l words (commandline -opc)
  for word in $argv
    contains -- $word $words; or return 1
  end
end

# Whether the last word but the one that is typed is one of these.
function __vampire_after
  set -l words (commandline -opc)
  contains -- $words[-1] $argv
end

complete -c vampire -f
complete -c vampire -s h -l help -d 'Explain a verb'
complete -c vampire -n __fish_use_subcommand -l version -d 'Print the version'

complete -c vampire -n __fish_use_subcommand -a serve -d 'Run the gateway until it is told to stop'
complete -c vampire -n __fish_use_subcommand -a status -d 'Show how the gateway is'
complete -c vampire -n __fish_use_subcommand -a doctor -d 'Look for what is wrong, and say what to do'
complete -c vampire -n __fish_use_subcommand -a pause -d 'Refuse all requests until it is resumed'
complete -c vampire -n __fish_use_subcommand -a resume -d 'Answer requests again'
complete -c vampire -n __fish_use_subcommand -a discover -d 'Look for nodes'
complete -c vampire -n __fish_use_subcommand -a nodes -d 'Know, approve and look after nodes'
complete -c vampire -n __fish_use_subcommand -a models -d 'List, load and unload models'
complete -c vampire -n __fish_use_subcommand -a requests -d 'Show requests, and end one that runs'
complete -c vampire -n __fish_use_subcommand -a explain -d 'Say how a request was decided and ended'
complete -c vampire -n __fish_use_subcommand -a top -d 'Watch nodes, models and requests'
complete -c vampire -n __fish_use_subcommand -a metrics -d 'Show counts of requests, errors and speed'
complete -c vampire -n __fish_use_subcommand -a route -d 'Know and change the virtual models'
complete -c vampire -n __fish_use_subcommand -a share -d 'Let other computers use this gateway, or stop it'
complete -c vampire -n __fish_use_subcommand -a clients -d 'Show the other computers that are connected'
complete -c vampire -n __fish_use_subcommand -a keys -d 'Make and revoke keys for other people'
complete -c vampire -n __fish_use_subcommand -a events -d 'Follow what happens'
complete -c vampire -n __fish_use_subcommand -a config -d 'Show and change the settings'
complete -c vampire -n __fish_use_subcommand -a dashboard -d 'Print where the gateway is, or open it'
complete -c vampire -n __fish_use_subcommand -a ui -d 'The same as dashboard'
complete -c vampire -n __fish_use_subcommand -a help -d 'Explain Vampire or one of its verbs'
complete -c vampire -n '__vampire_after help' -a "$verbs"

# Verbs that ask the gateway.
complete -c vampire -n "__fish_seen_subcommand_from $asking" -l gateway -x -d 'The gateway to ask'
complete -c vampire -n "__fish_seen_subcommand_from $asking" -l token -x -d "Its owner's token; VAMPIRE_TOKEN is better"
complete -c vampire -n "__fish_seen_subcommand_from $asking config" -l json -d 'Print JSON on a terminal too'

# serve
complete -c vampire -n '__vampire_has serve' -l config -r -F -d 'The settings file'
complete -c vampire -n '__vampire_has serve' -l host -x -d 'The IP address to listen on'
complete -c vampire -n '__vampire_has serve' -l port -x -d 'The port to listen on'
complete -c vampire -n '__vampire_has serve' -l default-base-url -x -d 'The LM Studio of this computer'
complete -c vampire -n '__vampire_has serve' -l allowed-hosts -x -d 'Names under which clients may come'
complete -c vampire -n '__vampire_has serve' -l cors-origins -x -d 'Web pages that may call'
complete -c vampire -n '__vampire_has serve' -l max-body-mb -x -d 'The largest request body'
complete -c vampire -n '__vampire_has serve' -l health-seconds -x -d 'How often nodes are asked'
complete -c vampire -n '__vampire_has serve' -l dns-sd-types -x -d 'What to look for on the network'
complete -c vampire -n '__vampire_has serve' -l share-address -x -d 'Addresses to listen on while sharing'
complete -c vampire -n '__vampire_has serve' -l allow-public-nodes -d 'Let nodes be on the Internet'
complete -c vampire -n '__vampire_has serve' -l token-storage -x -a 'auto keyring file' -d "Where nodes' tokens are kept"
complete -c vampire -n '__vampire_has serve' -l default-strategy -x -a 'residency prefix_affinity round_robin least_busy least_latency' -d 'How a node is chosen'
complete -c vampire -n '__vampire_has serve' -l affinity-busy-requests -x -d 'When a conversation leaves its node'
complete -c vampire -n '__vampire_has serve' -l affinity-busy-ratio -x -d 'When a conversation leaves its node'
complete -c vampire -n '__vampire_has serve' -l strip-volatile-lines -x -a 'yes no' -d 'Leave out the changing line of agents'
complete -c vampire -n '__vampire_has serve' -l continue-streams -d 'Let another node go on with a broken answer'
complete -c vampire -n '__vampire_has serve' -l queue-limit -x -d 'How many requests may wait for a model'
complete -c vampire -n '__vampire_has serve' -l queue-seconds -x -d 'How long a request waits at most'
complete -c vampire -n '__vampire_has serve' -l queue-patience-seconds -x -d 'How long a request waits for a busy node'
complete -c vampire -n '__vampire_has serve' -l loading-comments -x -a 'yes no' -d 'Tell streams how far loading is'
complete -c vampire -n '__vampire_has serve' -l trace-limit -x -d 'How many requests are remembered'
complete -c vampire -n '__vampire_has serve' -l keep-in-tray -x -a 'yes no' -d 'Go on in the tray without a window'
complete -c vampire -n '__vampire_has serve' -l appearance -x -a 'system light dark' -d 'How the desktop app looks'
complete -c vampire -n '__vampire_has serve' -l data-dir -x -a '(__fish_complete_directories)' -d 'What it remembers'
complete -c vampire -n '__vampire_has serve' -l log-level -x -a 'error warning info debug' -d 'How much is logged'
complete -c vampire -n '__vampire_has serve' -l log-format -x -a 'text json' -d 'How it is logged'
complete -c vampire -n '__vampire_has serve' -l demo -d 'Say that the servers behind are simulated'

# discover
complete -c vampire -n '__vampire_has discover' -l method -x -a 'local static lan_scan mdns' -d 'Where to look'
complete -c vampire -n '__vampire_has discover' -l subnet -x -d 'A network for lan_scan'
complete -c vampire -n '__vampire_has discover' -l port -x -d 'A port to try'
complete -c vampire -n '__vampire_has discover' -l timeout-ms -x -d 'Milliseconds for each address'
complete -c vampire -n '__vampire_has discover' -l trusted-only -d 'Show only nodes that are trusted'
complete -c vampire -n '__vampire_has discover' -l base-url -x -d 'An address to look at besides'
complete -c vampire -n '__vampire_has discover' -l watch -d 'Go on, and say what comes and goes'

# nodes
complete -c vampire -n '__vampire_after nodes' -a "$node_verbs"
complete -c vampire -n '__vampire_has nodes; and __vampire_after token' -a 'set remove unlock'
complete -c vampire -n '__vampire_has nodes drain' -a 'on off'
for verb in add update
  complete -c vampire -n "__vampire_has nodes $verb" -l provider -x -a "$providers" -d 'What server it is'
  complete -c vampire -n "__vampire_has nodes $verb" -l name -x -d 'What you call it'
  complete -c vampire -n "__vampire_has nodes $verb" -l host -x -d 'What you call its computer'
  complete -c vampire -n "__vampire_has nodes $verb" -l agent-base-url -x -d 'Where an agent answers'
  complete -c vampire -n "__vampire_has nodes $verb" -l trusted -d 'It may get what is for trusted nodes'
  complete -c vampire -n "__vampire_has nodes $verb" -l tag -x -d 'A word to group nodes by'
end
complete -c vampire -n '__vampire_has nodes update' -l base-url -x -d 'Its new address'
complete -c vampire -n '__vampire_has nodes update' -l lmstudio-base-url -x -d 'The former name of --base-url'
complete -c vampire -n '__vampire_has nodes update' -l status -x -a 'online draining disabled maintenance' \
  -d 'What you want of it'
complete -c vampire -n '__vampire_has nodes update' -l untrusted -d 'It may not get what is for trusted nodes'
complete -c vampire -n '__vampire_has nodes update' -l no-tags -d 'Take all its tags away'
complete -c vampire -n '__vampire_has nodes update' -l active-requests -x -d 'Requests it works on'
complete -c vampire -n '__vampire_has nodes update' -l queue-depth -x -d 'Requests that wait there'
complete -c vampire -n '__vampire_has nodes update' -l tokens-per-second -x -d 'How fast it is'

# models
complete -c vampire -n '__vampire_after models' -a 'list load unload'
for verb in load unload
  complete -c vampire -n "__vampire_has models $verb" -l node -x -d 'On this node'
end
complete -c vampire -n '__vampire_has models load' -l context-length -x -d 'Tokens of context'
complete -c vampire -n '__vampire_has models unload' -l force -d 'Also while it answers'

# requests and top
complete -c vampire -n '__vampire_after requests' -a 'list cancel'
complete -c vampire -n '__vampire_has requests' -l limit -x -d 'So many at most'
complete -c vampire -n '__vampire_has requests' -l running -d 'Only those that are under way'
complete -c vampire -n '__vampire_has top' -l once -d 'Show it once, and end'

# route
complete -c vampire -n '__vampire_after route' -a 'list get add update delete test preview explain strategies'
for verb in add update test preview
  complete -c vampire -n "__vampire_has route $verb" -l strategy -x -a "$strategies" -d 'How one is chosen'
  complete -c vampire -n "__vampire_has route $verb" -l constraint -x -a "$constraints" \
    -d 'What a node has to be fit for'
end
for verb in add update
  complete -c vampire -n "__vampire_has route $verb" -l target -x -d 'A model of a node: NODE:MODEL'
  complete -c vampire -n "__vampire_has route $verb" -l fallback -x -d 'Another virtual model'
end
complete -c vampire -n '__vampire_has route update' -l add-target -x -d 'One more'
complete -c vampire -n '__vampire_has route update' -l remove-target -x -d 'One less'
complete -c vampire -n '__vampire_has route update' -l no-fallback -d 'Nothing stands in for it'
for verb in test preview
  complete -c vampire -n "__vampire_has route $verb" -l endpoint -x -a 'chat completions responses embeddings' \
    -d 'What is asked for'
  complete -c vampire -n "__vampire_has route $verb" -l route -x -d 'By this route'
  complete -c vampire -n "__vampire_has route $verb" -l session -x -d 'As a part of this session'
  complete -c vampire -n "__vampire_has route $verb" -l prompt -x -d 'With a prompt that begins so'
end

# share
complete -c vampire -n '__vampire_after share' -a 'on off local personal family business event stop status'
complete -c vampire -n '__vampire_has share; and __vampire_after local personal family business event' -a 'on off'
complete -c vampire -n '__vampire_has share' -l duration -x -d 'How long'
complete -c vampire -n '__vampire_has share' -l model -x -d 'Share this model only'

# keys
complete -c vampire -n '__vampire_after keys' -a 'list create revoke'
complete -c vampire -n '__vampire_has keys create' -l duration -x -d 'How long it is good for'

# events
complete -c vampire -n '__vampire_has events' -l type -x \
  -a 'node approval share request load metric discovery key route status settings' -d 'Only events of this type'
complete -c vampire -n '__vampire_has events' -l since -x -d 'Begin after this event'

# config
complete -c vampire -n '__vampire_after config' -a 'show get set'
complete -c vampire -n '__vampire_has config; and __vampire_after get set' -a "$settings"

# dashboard and ui
complete -c vampire -n '__fish_seen_subcommand_from dashboard ui' -l open -d 'Open it in the browser'
