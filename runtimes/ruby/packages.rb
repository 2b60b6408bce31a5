# frozen_string_literal: true

# The algorithm's gems lie in a folder of their own, where `require` finds them.

module AlgoRunner
  # Gems that were installed in a folder.
  module Packages
    module_function

    # Have `require` find the gems in `folder`; the lock has one version of each, and so has it.
    def use(folder)
      home, = Dir.glob(File.join(folder, "ruby", "*"))
      return if home.nil?

      Gem.paths = { "GEM_HOME" => home, "GEM_PATH" => [home, *Gem.path].join(File::PATH_SEPARATOR) }
    end
  end
end

# `ruby -r packages`, for the author's tests and scripts.
AlgoRunner::Packages.use(ENV["ALGO_PACKAGES"]) if ENV["ALGO_PACKAGES"]
