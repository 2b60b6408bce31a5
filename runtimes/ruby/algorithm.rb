# frozen_string_literal: true

# The author's file: `apply`, and what may stand beside it.

require_relative "packages"

module AlgoRunner
  # The entry is there and has not what the contract asks for.
  class BadEntry < StandardError; end

  # What the author's file defines.
  module Project; end

  # The author's functions and what `load` returned.
  class Algorithm
    attr_reader :batch

    # Require the entry and call its `load`. Raises whatever the author's code raises.
    #
    # `apply` is a method of the file itself, or of a module: `src/digits.rb:Digits.apply`.
    def initialize(hello)
      file, _, name = hello["entrypoint"].rpartition(":")
      path = File.join(hello["app"], file)
      raise BadEntry, "#{file} is not there" unless File.file?(path)

      Packages.use(hello["packages"]) if hello["packages"]
      $LOAD_PATH.unshift(File.dirname(path), File.join(hello["app"], "lib"))
      # In a module of its own: a `load` at the top level would take the place of Kernel's everywhere.
      # Code that was written for Algorithmia finds its files from there, and nothing calls its `load`.
      old = hello["written_for"] == "algorithmia"
      if old
        Dir.chdir(hello["app"])
        # The gem of that name asks a service that is no more, with the key that stands in the code.
        $LOAD_PATH.unshift(File.join(__dir__, "compat"))
      end
      Kernel.load(path, Project)
      holder, _, function = name.rpartition(".")
      @holder = holder.empty? ? Object.new.extend(Project) : Project.const_get(holder)
      @batch = function == "apply_batch" || has?("apply_batch")
      function = "apply_batch" if @batch
      raise BadEntry, "#{file} has no method #{name}" unless has?(function)

      @apply = @holder.method(function)
      @takes = takes(@apply)
      @state = load_state(hello) if has?("load") && !old
    end

    def call(input)
      @takes > 1 ? @apply.call(input, @state) : @apply.call(input)
    end

    private

    def has?(name) = @holder.respond_to?(name, true) && !@holder.method(name).owner.equal?(Kernel)

    def load_state(hello)
      models = (hello["models"] || {}).transform_values { |below| File.join(hello["app"], below) }
      loader = @holder.method("load")
      takes(loader).positive? ? loader.call(models) : loader.call
    end

    def takes(function)
      positional = function.parameters.count { |kind, _| %i[req opt].include?(kind) }
      function.parameters.any? { |kind, _| kind == :rest } ? [positional, 2].max : positional
    end
  end
end
